#!/bin/bash
# Makes a node of what the Containerfile has copied: as images/base/Dockerfile of kind does, but for what comes from Debian.
set -euo pipefail
cd /

version=$(kubeadm version -o short)
mkdir -p /etc/kubernetes/manifests /kind/images /opt/cni/bin
printf '%s' "$version" > /kind/version
chmod 0755 /usr/local/bin/* /kind/bin/*

# Only what a node runs is started.
rm -rf /usr/lib/systemd/system/{multi-user,local-fs,basic}.target.wants/* /etc/systemd/system/*.wants/* \
  /usr/lib/systemd/system/sockets.target.wants/*{udev,initctl}* \
  /usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service
# They are the whole machine's.
rm -f /usr/lib/sysctl.d/* /etc/sysctl.d/99-sysctl.conf
echo ReadKMsg=no >> /etc/systemd/journald.conf
ln -sf /usr/lib/systemd/systemd /sbin/init
ln -sf /usr/bin/containerd /usr/bin/ctr /usr/local/bin/
ln -sf /usr/lib/cni/{host-local,loopback,portmap,ptp} /opt/cni/bin/
rm -f /etc/systemd/system/containerd-fuse-overlayfs.service
systemctl enable kubelet.service containerd.service undo-mount-hacks.service
systemctl mask systemd-binfmt.service

# The files of programs and of the libraries that they need, seen from /.
closure() {
  for program in "$@"; do
    path=$(command -v "$program")
    echo "$path"
    ldd "$path" | grep -o '/[^ ]*'
  done | sed -E -e 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#' -e 's#^/##' | sort -u
}

# The names that kubeadm gives them; what is in them is what this project pins.
pause='' proxy=''
for name in $(kubeadm config images list --kubernetes-version "$version"); do
  root=$(mktemp -d)
  program=${name##*/}
  program=${program%%:*}
  case $program in
    pause)
      pause=$name
      install -D /build/catatonit "$root/pause"
      bash /build/image.sh "$name" "$root" '["/pause", "-P"]'
      ;;
    coredns)
      install -D /build/coredns "$root/coredns"
      bash /build/image.sh "$name" "$root" '["/coredns"]'
      ;;
    kube-proxy)
      proxy=$name
      install -D /build/kube-proxy "$root/usr/local/bin/kube-proxy"
      closure bash cat conntrack curl ip iptables iptables-save iptables-restore ip6tables ip6tables-save \
        ip6tables-restore jq mkdir mv nft rm sh sleep sysctl | tar -h -c -T - usr/lib/*/xtables | tar -C "$root" -x
      ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
      install /usr/local/bin/node-network "$root/usr/local/bin/"
      bash /build/image.sh "$name" "$root" '["/usr/local/bin/kube-proxy"]'
      ;;
    *)
      install -D "/build/$program" "$root/usr/local/bin/$program"
      bash /build/image.sh "$name" "$root" "[\"/usr/local/bin/$program\"]"
      ;;
  esac
  rm -rf "$root"
done
rm /usr/local/bin/node-network

root=$(mktemp -d)
install -D /build/local-path-provisioner "$root/usr/local/bin/local-path-provisioner"
bash /build/image.sh docker.io/rancher/local-path-provisioner:pinned "$root" '["/usr/local/bin/local-path-provisioner"]'
rm -rf "$root"

# The image of kube-proxy has the tools that the manifests call.
sed -i "s|@TOOLS@|$proxy|" /kind/manifests/*.yaml
sed -i -e "s|sandbox_image = .*|sandbox_image = \"$pause\"|" -e '/base_runtime_spec/d' \
  -e 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' /etc/containerd/config.toml
