#!/usr/bin/env python3
"""The figures of docs/performance.md: durable points per second and server CPU per point, beside mosquitto and VictoriaMetrics.

Rounds are interleaved, every round begins with an empty data directory, everything is on loopback. Peers that are not
installed are left out and named. Result: a table, and the raw rounds with --json FILE.
"""
import argparse, json, os, pathlib, shutil, signal, socket, statistics, subprocess, tempfile, time, urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "target" / "debug"
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A process under load: started, asked for its CPU and memory, ended."""

    def __init__(self, command, ready, environment=None):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log", delete=False)
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env={**os.environ, **(environment or {})})
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"{command[0]} ended: {open(self.log.name).read()[-2000:]}")
            try:
                ready()
                break
            except OSError:
                if time.monotonic() - began > 60:
                    raise SystemExit(f"{command[0]} was not ready within 60 s")
                time.sleep(0.005)
        self.start_ms = round((time.monotonic() - began) * 1000)

    def cpu_s(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def rss_mb(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return round(int(line.split()[1]) / 1024, 1)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        os.unlink(self.log.name)


def connects(port):
    return lambda: socket.create_connection(("127.0.0.1", port), 1).close()


def answers(url):
    return lambda: urllib.request.urlopen(url, timeout=1).read()


class Baigong:
    """The whole platform with one device per connection, each with a machine of its own."""

    def __init__(self, folder, devices):
        self.data, self.http, self.mqtt = f"{folder}/data", free_port(), free_port()
        environment = {"BAIGONG_HTTP_BIND": f"127.0.0.1:{self.http}", "BAIGONG_EDGE_MQTT_BIND": f"127.0.0.1:{self.mqtt}"}
        base = f"http://127.0.0.1:{self.http}"
        command = [TARGET / "baigong", "demo", "--no-simulation", "--history-days", "0", "--data", self.data]
        first = Server(command, answers(f"{base}/readyz"), environment)
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        self.base = base
        person = json.load(open(f"{self.data}/demo-sign-ins.json"))[0]
        self.call("session", {"login": person["login"], "password": person["password"]})
        document = {"properties": [{"id": "temp", "name": "temp", "valueType": {"type": "double"}}]}
        model = self.call("thing-models", {"code": "LOAD", "name_zh": "负载", "name_en": "load", "kind": "load", "document": document})
        self.tokens = f"{folder}/tokens.txt"
        with open(self.tokens, "w") as tokens:
            for number in range(devices):
                node = {"level": "work_unit", "code": f"LOAD-{number}", "name": "load", "thing_model": model["id"]}
                machine = self.call("equipment", node)
                metrics = [{"metric": "temp", "asset": machine["id"], "property": "temp"}]
                device = self.call("devices", {"name": f"LOAD-{number}", "metrics": metrics, "enabled": True})
                tokens.write(device["token"] + "\n")
        first.end()
        # An ordinary server on what was registered.
        self.server = Server([TARGET / "baigong", "serve", "--data", self.data], answers(f"{base}/readyz"), environment)
        self.rss_idle_mb = self.server.rss_mb()

    def call(self, path, body):
        headers = {"content-type": "application/json", "origin": self.base, "sec-fetch-site": "same-origin"}
        request = urllib.request.Request(f"{self.base}/api/v1/{path}", json.dumps(body).encode(), headers, method="POST")
        return json.load(self.opener.open(request))

    def points_stored(self):
        answer = subprocess.run([TARGET / "baigong", "doctor", "--json", "--data", self.data], capture_output=True)
        return json.loads(answer.stdout)["telemetry"]["points"]


def load(program, **options):
    arguments = [TARGET / "examples" / program]
    for name, value in options.items():
        arguments += [f"--{name}", str(value)]
    answer = subprocess.run(arguments, capture_output=True, text=True)
    if answer.returncode != 0:
        raise SystemExit(f"{program}: {answer.stderr[-2000:]}")
    return json.loads(answer.stdout)


def measured(server, program, **options):
    before = server.cpu_s()
    result = load(program, **options)
    result["cpu_us_per_point"] = round((server.cpu_s() - before) / result["points"] * 1e6, 3)
    return result


def round_of(loads, folder):
    """One round: every load on every server that takes it, each with an empty directory."""
    rows = []
    for name, program, connections, options in loads:
        place = tempfile.mkdtemp(dir=folder)
        ours = Baigong(place, connections)
        where = {"address": f"127.0.0.1:{ours.mqtt if program == 'mqtt_load' else ours.http}", "tokens": ours.tokens}
        result = measured(ours.server, program, connections=connections, **where, **options)
        result.update(rss_idle_mb=ours.rss_idle_mb, start_ms=ours.server.start_ms)
        ours.server.end()
        stored = ours.points_stored()
        if stored < result["points"]:
            raise SystemExit(f"{name}: {result['points']} points were acknowledged and {stored} are stored")
        rows.append({"load": name, "server": "baigong", **result})
        peer = "mosquitto" if program == "mqtt_load" else "victoria-metrics"
        if shutil.which(peer) or os.path.exists(f"/usr/sbin/{peer}"):
            rows.append({"load": name, "server": peer, **of_peer(peer, place, program, connections, options)})
        shutil.rmtree(place)
    return rows


def of_peer(peer, place, program, connections, options):
    port = free_port()
    if peer == "mosquitto":
        config = pathlib.Path(place, "mosquitto.conf")
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 0\nmax_queued_messages 0\n")
        path = shutil.which(peer) or f"/usr/sbin/{peer}"
        server, where = Server([path, "-c", str(config)], connects(port)), {}
    else:
        command = [peer, f"-storageDataPath={place}/vm", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
        server, where = Server(command, connects(port)), {"path": "/write?precision=ms"}
    result = measured(server, program, address=f"127.0.0.1:{port}", connections=connections, **where, **options)
    server.end()
    return result


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--scale", type=float, default=1.0, help="multiplies the number of messages")
    arguments.add_argument("--json", help="write the raw rounds to this file")
    given = arguments.parse_args()
    count = lambda number: max(10, int(number * given.scale))
    loads = [
        ("MQTT QoS 1, 100 points a message", "mqtt_load", 8, {"batch": 100, "messages": count(2500), "window": 32}),
        ("MQTT QoS 1, 1 point a message", "mqtt_load", 8, {"batch": 1, "messages": count(15000), "window": 64}),
        ("HTTP line protocol, 1000 points a request", "line_load", 4, {"batch": 1000, "requests": count(750)}),
    ]
    folder = tempfile.mkdtemp(prefix="baigong-bench.")
    rows = []
    try:
        for number in range(given.rounds):
            for row in round_of(loads, folder):
                rows.append({"round": number, **row})
                print(f"round {number} {row['load']}: {row['server']} {row['points_per_s']:.0f} points/s, "
                      f"{row['cpu_us_per_point']} CPU-µs/point, p99 {row['ack_p99_us']} µs", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n| load | server | points/s (median) | min–max | server CPU-µs/point | acknowledgement p50 / p99 ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    middle = lambda rows, key: statistics.median(row[key] for row in rows)
    for name, *_ in loads:
        for server in ("baigong", "mosquitto", "victoria-metrics"):
            some = [row for row in rows if row["load"] == name and row["server"] == server]
            if some:
                speeds = [row["points_per_s"] for row in some]
                print(f"| {name} | {server} | {middle(some, 'points_per_s'):,.0f} | {min(speeds):,.0f}–{max(speeds):,.0f} | "
                      f"{middle(some, 'cpu_us_per_point'):.2f} | {middle(some, 'ack_p50_us') / 1000:.1f} / {middle(some, 'ack_p99_us') / 1000:.1f} |")
    ours = [row for row in rows if row["server"] == "baigong"]
    size = os.path.getsize(TARGET / "baigong") / 1e6
    print(f"\nbinary {size:.0f} MB with line tables; start of an empty server {middle(ours, 'start_ms'):.0f} ms; idle memory {middle(ours, 'rss_idle_mb'):.0f} MB")
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(rows, indent=1))


main()
