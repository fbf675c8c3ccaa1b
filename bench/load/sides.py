"""The sides that are compared: direct, nginx, sluice, haproxy. Each knows how to start itself before an upstream."""

import os
import pathlib
import shlex
import shutil
import string
import subprocess

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
events { worker_connections $connections; }
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
        listen 127.0.0.1:$port$listen_tls backlog=4096;
        $server_tls
        location / {
            proxy_pass $scheme://lab;
            $upstream_tls
            proxy_http_version 1.1;
            proxy_set_header connection "";
            proxy_buffering off;
            proxy_read_timeout 3600s;
        }
    }
}
""")

# The same work as Sluice's: TLS 1.3 with OpenSSL's first choice of cipher, the upstream verified, sessions reused.
NGINX_TLS = {
    "listen_tls": " ssl",
    "server_tls": "ssl_certificate $certificate; ssl_certificate_key $private_key; ssl_protocols TLSv1.3;",
    "upstream_tls": "proxy_ssl_protocols TLSv1.3; proxy_ssl_name localhost; proxy_ssl_session_reuse on; "
                    "proxy_ssl_verify on; proxy_ssl_trusted_certificate $certificate;",
}

HAPROXY = string.Template("""
global
    nbthread 1
    maxconn $connections
defaults
    mode http
    timeout connect 5s
    timeout client 3600s
    timeout server 3600s
    http-reuse safe
    option http-no-delay        # or it holds chunks back for 200 ms
frontend bench
    bind 127.0.0.1:$port backlog 4096 $listen_tls
    default_backend lab
backend lab
    server lab $upstream pool-max-conn 1024 $upstream_tls
""")


class Sides:
    """Starts proxies in front of `upstream_port`, with their files in `folder`. `tls`: certificates, if it speaks TLS."""

    def __init__(self, folder, upstream_port, gateway, tls=None):
        self.folder, self.upstream_port, self.gateway, self.tls = pathlib.Path(folder), upstream_port, gateway, tls
        self.started = []

    def start(self, side, cpus, models=0, streams=0):
        """The running proxy and its port; no proxy for "direct"."""
        if side == "direct":
            return None, self.upstream_port
        port, admin_port = free_port(), free_port()
        command = getattr(self, side)(port, admin_port, models=models, streams=streams)
        process = Process(side, command, cpus, self.folder / f"{side}-{port}.log", [port])
        self.started.append(process)
        return process, port

    def write(self, name, template, **values):
        path = self.folder / name
        path.write_text(template.substitute(folder=self.folder, upstream=f"127.0.0.1:{self.upstream_port}",
                                            scheme="https" if self.tls else "http", **values))
        return str(path)

    def tls_lines(self, **lines):
        """The lines with the certificate's files filled in, or empty ones without TLS."""
        files = self.tls.files if self.tls else {}
        return {name: string.Template(line).substitute(files) if self.tls else "" for name, line in lines.items()}

    def nginx(self, port, _admin_port, streams=0, **_):
        user = "user root;" if os.geteuid() == 0 else ""
        path = self.write(f"nginx-{port}.conf", NGINX, port=port, user=user, descriptors=descriptor_limit(),
                          connections=max(12000, 2 * streams + 500), **self.tls_lines(**NGINX_TLS))
        return [find("nginx"), "-c", path, "-e", "stderr"]

    def haproxy(self, port, _admin_port, streams=0, **_):
        lines = self.tls_lines(listen_tls="ssl crt $both", upstream_tls="ssl verify required ca-file $certificate")
        connections = min(max(9000, streams + 100), (descriptor_limit() - 300) // 2)
        path = self.write(f"haproxy-{port}.cfg", HAPROXY, port=port, connections=connections, **lines)
        return [find("haproxy"), "-db", "-f", path]

    def sluice(self, port, admin_port, models=0, **_):
        text = (HERE / "sluice.yaml").read_text()
        if models:
            names = "".join(f"  model-{number}: lab/fast\n" for number in range(models))
            text = text.replace('  "*": lab/*\n', names)
        lines = self.tls_lines(server_tls="tls: { certificate: $certificate, key: $private_key }",
                               provider_tls="ca_file: $certificate")
        path = self.write(f"sluice-{port}.yaml", string.Template(text), port=port, admin_port=admin_port, key=KEY,
                          log=self.folder / f"access-{port}.log", **lines)
        values = {"config": path, "port": port, "admin_port": admin_port, "upstream_port": self.upstream_port}
        return shlex.split(self.gateway.format(**values))

    def stop(self, process):
        process.stop()
        self.started.remove(process)

    def stop_all(self):
        for process in list(self.started):
            self.stop(process)


class Certificate:
    """One for localhost that signs itself (ECDSA P-256), for both sides of every proxy."""

    def __init__(self, folder):
        names = {"certificate": "cert.pem", "private_key": "key.pem", "both": "both.pem"}
        self.files = {name: str(pathlib.Path(folder) / file) for name, file in names.items()}
        subprocess.run([find("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.files["private_key"], "-out", self.files["certificate"]],
                       check=True, capture_output=True)
        pathlib.Path(self.files["both"]).write_text(
            "".join(pathlib.Path(self.files[name]).read_text() for name in ("certificate", "private_key")))

    @property
    def options(self):
        """For `sluice lab` and sluice_canned."""
        return ["--tls-certificate", self.files["certificate"], "--tls-key", self.files["private_key"]]


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
