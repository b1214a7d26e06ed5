#!/usr/bin/env bash
# Builds what tests/deploy/test_control_plane.py needs into the folder given: 5 minutes, some 14 GB of Go's caches.
# Needs Go 1.24 or newer, kubectl, and `etcd` (Debian: etcd-server) on the PATH or in the folder.
#
#   tests/deploy/build_control_plane.sh /tmp/control-plane
#   KUBERNETES_BINARIES=/tmp/control-plane pytest tests/deploy/test_control_plane.py
#
# What is in <folder>/crds is taken as a CustomResourceDefinition. Those of the Prometheus Operator and of KEDA
# are put there; Strimzi's are not published as a Go module: put `strimzi-crds-<version>.yaml` of a release there.
set -euo pipefail
version=1.34.1 kwok=0.7.0 operator=0.85.0 keda=2.16.1
case $(realpath -m "$1") in "$(realpath "$(dirname "$0")/../..")"/*) echo "not in here: 0.4 GB" >&2; exit 2 ;; esac
mkdir -p "$1/crds"
cd "$1"

module() { go mod download -json "$1" | sed -n 's/^\s*"Dir": "\(.*\)",$/\1/p'; }

kubernetes=$(module "k8s.io/kubernetes@v$version")
# Kubernetes' own module can't be installed from outside: its parts have to be replaced by their published versions.
{
    printf 'module controlplane\ngo 1.24.0\nreplace (\n'
    grep -oE '^\s+k8s.io/[a-z-]+ => \./staging' "$kubernetes/go.mod" |
        awk -v v="v0.${version#1.}" '{print "\t" $1 " => " $1 " " v}'
    echo ')'
} >go.mod
programs=(kube-apiserver kube-controller-manager kube-scheduler)
packages=("${programs[@]/#/k8s.io/kubernetes/cmd/}")
go get -tool "${packages[@]/%/@v$version}"
about=k8s.io/component-base/version
for program in "${programs[@]}"; do
    go build -ldflags "-s -w -X $about.gitVersion=v$version -X $about.gitMajor=1 -X $about.gitMinor=34" \
        -o "$program" "k8s.io/kubernetes/cmd/$program"
done

# Nodes and containers are simulated: a Pod that is scheduled runs and is ready, a Job's is done at once.
GOBIN=$PWD go install "sigs.k8s.io/kwok/cmd/kwok@v$kwok"
stages=$(module "sigs.k8s.io/kwok@v$kwok")/kustomize/stage
for stage in node/fast node/heartbeat pod/fast; do
    kubectl kustomize "$stages/$stage"
    echo ---
done >stages.yaml

folder=$(module "github.com/prometheus-operator/prometheus-operator@v$operator")/example/prometheus-operator-crd
install -m 644 "$folder"/monitoring.coreos.com_{podmonitors,prometheusrules}.yaml crds
install -m 644 "$(module "github.com/kedacore/keda/v2@v$keda")"/config/crd/bases/keda.sh_scaledobjects.yaml crds
