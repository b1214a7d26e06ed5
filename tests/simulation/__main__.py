from tests.simulation.world import simulate
import sys
if len(sys.argv)>2 and sys.argv[2]=="--trace":
    o=simulate(int(sys.argv[1]),print); print(o.broken,o.seconds)
else:
    import time,collections
    a,b=map(int,sys.argv[1].split("-"))
    t=time.time(); bad=collections.Counter(); ex={}
    vs=0;st=0;mx=0
    for s in range(a,b):
        t1=time.time()
        o=simulate(s); vs+=o.seconds; st+=o.steps
        mx=max(mx,time.time()-t1)
        if o.broken:
            import re; k=re.sub(r"\{.*\}","{}",o.broken); k=o.style+" "+re.sub(r"\d+","N",k)[:170]; bad[k]+=1; ex.setdefault(k,[]).append(s)
    for k,n in bad.most_common(40): print(n,ex[k][:4],k)
    print("failed",sum(bad.values()),"of",b-a,"ms/seed",1000*(time.time()-t)/(b-a),"max",mx,"virt",vs/(b-a),"lines",st/(b-a))
