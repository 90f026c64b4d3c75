"""The textbook's commands work inside an unprivileged sandbox that has no way out.

They run one after the other in one sandbox, as a student would type them, each building on those
before it; `pytest -rP` prints how long each took.
"""

from __future__ import annotations

import pytest

from tests import needs

pytestmark = needs.nested_stores

WAIT = "for i in $(seq 50); do curl -sf $URL && break; sleep 0.1; done"

CONTAINERFILE = r"""mkdir -p /root/app && cd /root/app && echo '<h1>v1</h1>' >index.html && cat >Dockerfile <<'X'
FROM alpine
RUN mkdir -p /srv/www && echo built-by-$(id -u) >/srv/www/built.txt
COPY index.html /srv/www/
ENV GREETING=hello
RUN echo app:x:1000:1000::/:/bin/sh >>/etc/passwd && chown -R app /srv/www
EXPOSE 8080
CMD ["busybox", "httpd", "-f", "-p", "8080", "-h", "/srv/www"]
X
"""

POD = r"""cat >/root/pod.yaml <<'X'
apiVersion: v1
kind: Pod
metadata: {name: demo, labels: {app: demo}}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: shared, emptyDir: {}}]
  initContainers:
  - {name: first, image: "docker.io/library/alpine", command: ["sh", "-c", "echo from-init >/d/index.html"],
     volumeMounts: [{name: shared, mountPath: /d}]}
  containers:
  - {name: web, image: "docker.io/library/alpine", command: ["busybox", "httpd", "-f", "-p", "8080", "-h", "/d"],
     ports: [{containerPort: 8080, hostPort: 8082}], volumeMounts: [{name: shared, mountPath: /d}]}
X
"""

# what it shows, the script, what its output must hold
COMMANDS = [
    ("images, before anything was pulled", "docker images", "docker.io/library/alpine"),
    ("pull from the lab's registry", "docker pull nginx && docker images nginx", "docker.io/library/nginx"),
    ("run --rm", "docker run --rm alpine echo hello", "hello"),
    ("run with a terminal", "script -qec 'docker run --rm -it alpine tty' /dev/null", "/dev/pts/"),
    ("build", CONTAINERFILE + "docker build -t web:v1 .", "COMMIT web:v1"),
    ("build again, from the cache", "cd /root/app && docker build -t web:v1 . | grep -c 'Using cache'", "6"),
    ("build after a change, the rest from the cache",
     "cd /root/app && echo '<h1>v2</h1>' >index.html && docker build -t web:v2 . | grep -c 'Using cache'", "1"),
    ("history", "docker history --no-trunc web:v2", "built-by-"),
    ("tag, push, remove, pull",
     "docker tag web:v1 registry.lab:5000/me/web:v1 && docker push registry.lab:5000/me/web:v1 && "
     "docker rmi registry.lab:5000/me/web:v1 && docker pull -q registry.lab:5000/me/web:v1 && docker images", "me/web"),
    ("the registry's catalogue", "curl -s http://registry.lab:5000/v2/_catalog", '"me/web"'),
    ("run -d -p", "docker run -d --name web -p 8080:8080 web:v1 && URL=http://127.0.0.1:8080/ && " + WAIT, "<h1>v1</h1>"),
    ("wget", "wget -qO- http://127.0.0.1:8080/built.txt", "built-by-0"),
    ("exec", "docker exec -u app web id -un", "app"),
    ("logs", "docker run --name talks alpine echo said && docker logs talks && docker rm talks", "said"),
    ("ps, top, port", "docker ps && docker top web && docker port web", "0.0.0.0:8080"),
    ("stats", "docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' web", "web "),
    ("inspect", "docker inspect -f '{{.State.Status}} {{.Config.Env}}' web", "GREETING=hello"),
    ("diff", "docker exec web touch /srv/www/new && docker diff web", "A /srv/www/new"),
    ("cp, both ways", "echo copied >/root/f && docker cp /root/f web:/srv/www/f && docker cp web:/srv/www/f - | tar xO", "copied"),
    ("commit", "docker commit -q web web:kept && docker run --rm web:kept ls /srv/www", "new"),
    ("roll back by a tag",
     "docker tag web:v2 web:latest && docker tag web:v1 web:latest && "
     "[ $(docker inspect -f '{{.Id}}' web:latest) = $(docker inspect -f '{{.Id}}' web:v1) ] && echo back", "back"),
    ("save, remove, load", "docker save -qo /tmp/web.tar web:v2 && docker rmi web:v2 && docker load -qi /tmp/web.tar", "web:v2"),
    ("volumes",
     "docker volume create data && docker run --rm -v data:/d alpine sh -c 'echo kept >/d/f' && "
     "docker run --rm -v data:/d:ro alpine cat /d/f && docker volume inspect data", "kept"),
    ("a bind mount", "docker run --rm -v /root/app:/w:ro alpine ls /w", "Dockerfile"),
    ("two containers find each other by name",
     "docker network create n1 && docker run -d --name one --network n1 web:v1 && "
     "docker run --rm --network n1 alpine wget -qO- http://one:8080/", "<h1>v1</h1>"),
    ("a container without a network", "docker run --rm --network none alpine ip -o link | wc -l", "1"),
    ("pause and unpause", "docker pause web && docker inspect -f '{{.State.Status}}' web && docker unpause web", "paused"),
    ("restart", "docker restart -t 0 web && docker ps", "web"),
    ("a memory limit that kills",
     "docker run --name fat -m 32m alpine tail /dev/zero; echo $? && docker inspect -f '{{.State.OOMKilled}}' fat", "137\ntrue"),
    ("a limit of processes",
     "docker run --rm --pids-limit 5 alpine sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done' 2>&1; true", "can't fork"),
    ("a share of the processor",
     "docker run -d --name slow --cpus 0.2 alpine sh -c 'while :; do :; done' && cat $(find /sys/fs/cgroup -path '*libpod*' "
     "'(' -name cpu.cfs_quota_us -o -name cpu.max ')' | xargs grep -l ^20000) && docker rm -f -t 0 slow", "20000"),
    ("fewer rights", "docker run --rm --read-only --cap-drop all --user 7:7 alpine sh -c 'id -u; touch /x || echo refused'",
     "7\n"),
    ("a user namespace of its own", "docker run --rm --userns=auto:size=1000 alpine cat /proc/self/uid_map", "1000"),
    ("a pod",
     "docker pod create --name p1 -p 8081:8080 && docker run -d --pod p1 web:v1 && "
     "docker run --rm --pod p1 alpine wget -qO- http://127.0.0.1:8080/ && docker pod ps && docker pod rm -f -t 0 p1", "p1"),
    ("kube play", POD + "docker kube play /root/pod.yaml && URL=http://127.0.0.1:8082/ && " + WAIT, "from-init"),
    ("kube generate and down", "docker kube generate demo && docker kube down /root/pod.yaml", "kind: Pod"),
    ("buildah from, run, copy, commit",
     "c=$(buildah from alpine) && buildah run $c -- sh -c 'echo hi >/hi' && buildah copy $c /root/app/Dockerfile /etc/ && "
     "buildah config --cmd 'cat /hi' $c && buildah commit -q $c by-hand && buildah rm $c && docker run --rm by-hand", "hi"),
    ("skopeo inspect", "skopeo inspect docker://registry.lab:5000/library/nginx", '"Layers"'),
    ("skopeo copy",
     "skopeo copy -q containers-storage:localhost/web:v1 oci:/tmp/layout:v1 && cat /tmp/layout/index.json", "manifest"),
    ("podman by its own name", "podman info -f '{{.Store.GraphDriverName}} {{.Host.OCIRuntime.Name}}'", "overlay crun"),
    ("stop and rm", "docker stop -t 0 web one && docker rm web one && docker ps -q | wc -l", "0"),
    ("prune", "docker system prune -f && docker system df", "Images"),
    ("lxc-create and lxc-start", "lxc-create -n c1 -t busybox >/dev/null && lxc-start -n c1 && lxc-info -n c1", "RUNNING"),
    ("lxc-attach", "lxc-attach -n c1 -- hostname", "c1"),
    ("lxc's limits", "lxc-cgroup -n c1 pids.max 50 && lxc-cgroup -n c1 pids.max", "50"),
    ("lxc's network", "for i in $(seq 80); do lxc-ls -f | grep 10.0.3 && break; sleep 0.1; done", "10.0.3."),
    ("lxc-freeze", "lxc-freeze -n c1 && lxc-info -n c1 -s && lxc-unfreeze -n c1", "FROZEN"),
    ("lxc-stop and a copy that stands on it", "lxc-stop -n c1 -k && lxc-copy -n c1 -N c2 -s -B overlay && lxc-start -n c2 && "
     "lxc-info -n c2 -s && lxc-stop -n c2 -k && lxc-destroy -n c2 && lxc-destroy -n c1", "RUNNING"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "wanted"), [pytest.param(*rest, id=name) for name, *rest in COMMANDS])
def test_command(docker, script, wanted):
    """Each does what the book says."""
    assert wanted in docker.sh(script)


def test_a_service_starts_when_it_is_wanted(docker):
    """The registry runs because somebody asked for it, started by inetd, which was started by the image."""
    names = docker.sh("ps -eo comm=").split()

    assert "inetd" in names
    assert "docker-registry" in names


def test_no_more_rights_than_nested_gives(docker):
    """What container tools need is no capability beyond the profile's, and a filter stands."""
    status = docker.sh("grep -E 'CapBnd|Seccomp:|NoNewPrivs' /proc/self/status")

    assert "CapBnd:\t000001bf" not in status
    assert "Seccomp:\t2" in status
    assert docker.sh("docker run --rm --privileged alpine grep CapBnd /proc/self/status") in status
