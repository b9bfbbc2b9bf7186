"""A real S3 server on a free loopback port, for tests.

    python s3_server.py swift|rclone|moto FOLDER [BUCKET ...]

Makes the buckets, prints one line of JSON once it answers,

    {"endpoint": "http://127.0.0.1:40123", "access_key": "...", "secret_key": "...", "region": "us-east-1"}

and runs until its standard input ends, so that it goes when whoever started it does. Needs the packages of requirements.txt.

    swift   OpenStack Swift with its S3 API: checks signatures and checksums, keeps If-None-Match, not If-Match
    rclone  rclone serve s3 over a folder: checks signatures, ignores conditions
    moto    keeps If-None-Match, checks no signatures; also answers for Glue, STS and Athena
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import boto3
import botocore.config
import botocore.exceptions

REGION = "us-east-1"


def free_ports(count):
    """Ports nobody listens on, found by binding them all at once."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def program(name):
    """A program of this Python environment."""
    return str(pathlib.Path(sys.executable).parent / name)


def ini(sections):
    lines = []
    for name, values in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {value}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


class Moto:
    access_key, secret_key = "testing", "testing"

    def commands(self, folder, port):
        return [([program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], {})]


class Rclone:
    access_key, secret_key = "RCLONEKEY", "rclone-secret"

    def commands(self, folder, port):
        data = folder / "rclone"
        data.mkdir(parents=True, exist_ok=True)
        return [([
            program("rclone"), "serve", "s3", str(data), "--addr", f"127.0.0.1:{port}", "--auth-key", f"{self.access_key},{self.secret_key}",
            "--vfs-cache-mode", "writes", "--cache-dir", str(folder / "cache"), "--config", "/dev/null", "--log-level", "ERROR"], {})]


class Swift:
    # Its accounts look like this; the key is a user of an account.
    access_key, secret_key = "lab:lab", "swift-secret"

    def commands(self, folder, port):
        """One process for each of Swift's services, all on one device."""
        etc = folder / "etc"
        etc.mkdir(parents=True, exist_ok=True)
        (folder / "devices" / "d1").mkdir(parents=True, exist_ok=True)
        (etc / "swift.conf").write_text(ini({
            "swift-hash": {"swift_hash_path_suffix": "lab", "swift_hash_path_prefix": "lab"},
            "storage-policy:0": {"name": "gold", "default": "yes"}}))
        common = {"swift_dir": etc, "bind_ip": "127.0.0.1", "workers": 0, "log_level": "ERROR", "log_address": folder / "no-log", "user": os.environ.get("USER", "root")}
        services = dict(zip(("account", "container", "object"), free_ports(3)))
        for service, service_port in services.items():
            builder = str(etc / f"{service}.builder")
            for arguments in (["create", "4", "1", "1"], ["add", f"r1z1-127.0.0.1:{service_port}/d1", "1"], ["rebalance"]):
                subprocess.run([program("swift-ring-builder"), builder, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=etc)
            (etc / f"{service}-server.conf").write_text(ini({
                "DEFAULT": common | {"devices": folder / "devices", "mount_check": "false", "bind_port": service_port},
                "pipeline:main": {"pipeline": f"{service}-server"}, f"app:{service}-server": {"use": f"egg:swift#{service}"}}))
        filters = {name: {"use": f"egg:swift#{name}"} for name in ("catch_errors", "memcache", "listing_formats", "copy", "slo", "dlo")}
        filters["s3api"] = {"use": "egg:swift#s3api", "location": REGION, "check_bucket_owner": "false", "min_segment_size": 1}
        filters["tempauth"] = {"use": "egg:swift#tempauth", "user_lab_lab": f"{self.secret_key} .admin"}
        (etc / "proxy-server.conf").write_text(ini({
            "DEFAULT": common | {"bind_port": port},
            "pipeline:main": {"pipeline": "catch_errors memcache listing_formats s3api tempauth copy slo dlo proxy-server"},
            "app:proxy-server": {"use": "egg:swift#proxy", "account_autocreate": "true"},
            **{f"filter:{name}": values for name, values in filters.items()}}))
        start = (
            "import sys, swift.common.utils as utils\n"
            "import swift.common.utils.config as config\n"
            "folder, name = sys.argv[1:]\n"
            "for module in (utils, config):\n"
            "    if hasattr(module, 'SWIFT_CONF_FILE'): module.SWIFT_CONF_FILE = folder + '/swift.conf'\n"
            "from swift.common.wsgi import run_wsgi\n"
            "sys.exit(run_wsgi(f'{folder}/{name}-server.conf', f'{name}-server', default_port=6200) or 0)\n")
        environment = {"SWIFT_DIR": str(etc), "PYTHONWARNINGS": "ignore"}
        return [([sys.executable, "-c", start, str(etc), name], environment) for name in (*services, "proxy")]


def client(server, endpoint):
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=server.access_key, aws_secret_access_key=server.secret_key,
        config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, connect_timeout=5, read_timeout=30))


def wait(server, endpoint, processes, seconds=120):
    """Until the server lists its buckets."""
    end = time.monotonic() + seconds
    s3 = client(server, endpoint)
    while True:
        try:
            s3.list_buckets()
            return s3
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            if any(process.poll() is not None for process in processes):
                raise SystemExit(f"the server ended before it answered: {error}")
            if time.monotonic() > end:
                raise SystemExit(f"the server does not answer: {error}")
            time.sleep(0.2)


def main():
    kind, folder, *buckets = sys.argv[1:]
    folder = pathlib.Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    server = {"swift": Swift, "rclone": Rclone, "moto": Moto}[kind]()
    (port,) = free_ports(1)
    log = open(folder / f"{kind}.log", "ab")
    processes = [
        subprocess.Popen(command, env=os.environ | extra, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        for command, extra in server.commands(folder, port)]
    try:
        endpoint = f"http://127.0.0.1:{port}"
        s3 = wait(server, endpoint, processes)
        for bucket in buckets:
            s3.create_bucket(Bucket=bucket)
        print(json.dumps({"endpoint": endpoint, "access_key": server.access_key, "secret_key": server.secret_key, "region": REGION}), flush=True)
        sys.stdin.buffer.read()
    finally:
        for process in processes:
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        for process in processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
