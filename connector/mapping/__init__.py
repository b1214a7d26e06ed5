"""Mapping without code: records that are not shaped like the API's become events by JMESPath expressions.

`reading` turns the configuration into mappings or says what is wrong with it,
`expression` parses, `compiling` makes functions of what was parsed, `functions` is what expressions can
call, `mapping` is what happens to a record.
"""
