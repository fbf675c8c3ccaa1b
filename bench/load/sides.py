"""The sides that are compared: direct, nginx, sluice, haproxy. Each knows how to start itself before an upstream."""

import os
import pathlib
import shlex
import shutil
import string

from processes import Process, free_port

HERE = pathlib.Path(__file__).resolve().parent
KEY = "sk-bench-0123456789abcdef"

NGINX = string.Template("""
daemon off;
worker_processes 1;
worker_rlimit_nofile $descriptors;
pid $folder/nginx-$port.pid;
error_log stderr error;
$user
events { worker_connections 12000; }
http {
    access_log off;
    tcp_nodelay on;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    client_max_body_size 64m;
    client_body_buffer_size 256k;   # or a 100 KB body would be written to a file
    client_body_temp_path $folder/body-$port;
    proxy_temp_path $folder/proxy-$port;
    fastcgi_temp_path $folder/fastcgi-$port;
    uwsgi_temp_path $folder/uwsgi-$port;
    scgi_temp_path $folder/scgi-$port;
    upstream lab {
        server $upstream;
        keepalive 1024;
        keepalive_requests 1000000000;
        keepalive_timeout 3600s;
    }
    server {
        listen 127.0.0.1:$port backlog=4096;
        location / {
            proxy_pass http://lab;
            proxy_http_version 1.1;
            proxy_set_header connection "";
            proxy_buffering off;
            proxy_read_timeout 3600s;
        }
    }
}
""")

HAPROXY = string.Template("""
global
    nbthread 1
    maxconn 9900
defaults
    mode http
    timeout connect 5s
    timeout client 3600s
    timeout server 3600s
    http-reuse safe
    option http-no-delay        # or it holds chunks back for 200 ms
frontend bench
    bind 127.0.0.1:$port backlog 4096
    default_backend lab
backend lab
    server lab $upstream pool-max-conn 1024
""")


class Sides:
    """Starts proxies in front of `upstream_port`, with their files in `folder`."""

    def __init__(self, folder, upstream_port, gateway):
        self.folder, self.upstream_port, self.gateway = pathlib.Path(folder), upstream_port, gateway
        self.started = []

    def start(self, side, cpus):
        """The running proxy and its port; no proxy for "direct"."""
        if side == "direct":
            return None, self.upstream_port
        port, admin_port = free_port(), free_port()
        command = getattr(self, side)(port, admin_port)
        process = Process(side, command, cpus, self.folder / f"{side}-{port}.log", [port])
        self.started.append(process)
        return process, port

    def write(self, name, template, **values):
        path = self.folder / name
        path.write_text(template.substitute(folder=self.folder, upstream=f"127.0.0.1:{self.upstream_port}", **values))
        return str(path)

    def nginx(self, port, _admin_port):
        user = "user root;" if os.geteuid() == 0 else ""
        path = self.write(f"nginx-{port}.conf", NGINX, port=port, user=user, descriptors=descriptor_limit())
        return [find("nginx"), "-c", path, "-e", "stderr"]

    def haproxy(self, port, _admin_port):
        return [find("haproxy"), "-db", "-f", self.write(f"haproxy-{port}.cfg", HAPROXY, port=port)]

    def sluice(self, port, admin_port):
        template = string.Template((HERE / "sluice.yaml").read_text())
        path = self.write(f"sluice-{port}.yaml", template, port=port, admin_port=admin_port, key=KEY,
                          log=self.folder / f"access-{port}.log")
        values = {"config": path, "port": port, "admin_port": admin_port, "upstream_port": self.upstream_port}
        return shlex.split(self.gateway.format(**values))

    def stop(self, process):
        process.stop()
        self.started.remove(process)

    def stop_all(self):
        for process in list(self.started):
            self.stop(process)


def find(program):
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if not path:
        raise RuntimeError(f"{program} is not installed")
    return path


def descriptor_limit():
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # our children inherit it
    return hard
