# Shared by the test scripts: starts the real server on free ports and stops it again.

BAIGONG=${BAIGONG:-target/debug/baigong}

free_port() {
    local port=$((20000 + RANDOM % 20000))
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((20000 + RANDOM % 20000)); done
    echo "$port"
}

# start_server DATA LOG COMMAND…: waits until it is ready; sets SERVER_PID and BASE_URL.
start_server() {
    local data=$1 log=$2
    shift 2
    HTTP_PORT=${HTTP_PORT:-$(free_port)}
    MQTT_PORT=${MQTT_PORT:-$(free_port)}
    BAIGONG_HTTP_BIND=127.0.0.1:$HTTP_PORT BAIGONG_EDGE_MQTT_BIND=127.0.0.1:$MQTT_PORT \
        "$BAIGONG" "$@" --data "$data" >>"$log" 2>&1 &
    SERVER_PID=$!
    BASE_URL=http://127.0.0.1:$HTTP_PORT
    for _ in $(seq 1 600); do
        if curl -fsS -o /dev/null "$BASE_URL/readyz" 2>/dev/null; then return 0; fi
        if ! kill -0 "$SERVER_PID" 2>/dev/null; then
            echo "the server ended before it was ready:" >&2
            tail -30 "$log" >&2
            return 1
        fi
        sleep 0.1
    done
    echo "the server was not ready within 60 s" >&2
    tail -30 "$log" >&2
    return 1
}

stop_server() {
    if [ -n "${SERVER_PID:-}" ]; then
        kill "$SERVER_PID" 2>/dev/null || true
        wait "$SERVER_PID" 2>/dev/null || true
        SERVER_PID=
    fi
}

# api_token SIGN_INS: signs in as the first person of the file and prints a new API token with the administrator's right.
api_token() {
    python3 - "$1" "$BASE_URL" <<'PY'
import json, sys, urllib.request
first, base = json.load(open(sys.argv[1]))[0], sys.argv[2]
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
def call(path, body):
    headers = {"content-type": "application/json", "origin": base, "sec-fetch-site": "same-origin"}
    return json.load(opener.open(urllib.request.Request(base + path, json.dumps(body).encode(), headers, method="POST")))
call("/api/v1/session", {"login": first["login"], "password": first["password"]})
print(call("/api/v1/tokens", {"name": "test run", "roles": ["admin"]})["token"])
PY
}
