"""Recomputes a bill from an evidence bundle with Python's standard library only: shares no code with the platform.

usage: recompute.py BUNDLE UNIT_PRICE [SHARE_PERCENT]   prints: quantity net
"""
import base64, datetime, decimal, hashlib, json, struct, sys
from decimal import Decimal, ROUND_HALF_UP

decimal.getcontext().prec = 60
bundle = json.load(open(sys.argv[1], encoding="utf-8"))
price, share = Decimal(sys.argv[2]), Decimal(sys.argv[3] if len(sys.argv) > 3 else 100)
said, rule = bundle["statement"], bundle["statement"]["rule"]
micros = lambda t: round(datetime.datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp() * 1_000_000)
start, end = micros(said["window"]["from"]), micros(said["window"]["to"])
samples = []
for entry, text in zip(bundle["manifest"]["chunks"], bundle["chunks"]):
    raw = base64.b64decode(text)
    assert hashlib.sha256(raw).hexdigest() == entry["sha256"]
    name = raw[21:21 + raw[20]].decode()
    count, at = struct.unpack_from("<I", raw, 30 + raw[20])[0], 34 + raw[20]
    for _ in range(count):
        time, _, _, quality, kind = struct.unpack_from("<qQQBB", raw, at)
        at += 26
        size = {1: 8, 2: 8, 3: 1, 4: 0}[kind] or 4 + struct.unpack_from("<I", raw, at)[0]
        value = {1: lambda b: Decimal(repr(struct.unpack("<d", b)[0])), 2: lambda b: Decimal(struct.unpack("<q", b)[0]),
                 3: lambda b: Decimal(b[0]), 4: lambda b: b[4:].decode()}[kind](raw[at:at + size])
        at += size
        if name == rule["property"] and quality < 2:
            samples.append((time, value))
inside = [s for s in samples if s[0] < end]
if rule["rule"] == "counter_difference@1":
    opening = [v for t, v in inside if t < start]
    quantity = (inside[-1][1] - (opening[-1] if opening else inside[0][1])) * Decimal(rule["multiplier"])
else:
    held = zip(inside, inside[1:] + [(end, None)])
    spans = [(max(t, start), min(nxt, t + rule["gap_max_ms"] * 1000, end)) for (t, v), (nxt, _) in held if v in rule["values"]]
    quantity = Decimal(sum(b - a for a, b in spans if b > a)) / Decimal(3_600_000_000)
quantity = quantity.quantize(Decimal(1).scaleb(-rule["decimals"]), ROUND_HALF_UP)
assert quantity == Decimal(said["quantity"]), (quantity, said["quantity"])
print(f"{quantity.normalize():f}", (quantity * price * share / 100).quantize(Decimal("0.01"), ROUND_HALF_UP))
