"""What Apache Otava finds in the series that examples/series.rs prints, beside what fedproof found.

    python3 -m venv /tmp/otava && /tmp/otava/bin/pip install apache-otava
    cargo run -p fedproof-history --example series | /tmp/otava/bin/python harness/history/examples/beside_otava.py
"""

import json
import sys
from collections import defaultdict

from otava.analysis import compute_change_points

groups = defaultdict(lambda: defaultdict(int))
for line in sys.stdin:
    one = json.loads(line)
    points, _ = compute_change_points(one["values"], window_len=50, max_pvalue=0.001, min_magnitude=0.0)
    otava = [point.index for point in points]
    group = groups[one["group"]]
    group["series"] += 1
    group["the same"] += otava == one["found"]
    group["within 3"] += len(otava) == len(one["found"]) and all(
        abs(a - b) <= 3 for a, b in zip(otava, one["found"])
    )
    for name, found in (("fedproof", one["found"]), ("otava", otava)):
        group[f"{name} exact"] += found == one["truth"]
        group[f"{name} near"] += all(any(abs(a - b) <= 3 for b in found) for a in one["truth"]) and bool(one["truth"])
        group[f"{name} false"] += any(all(abs(a - b) > 3 for a in one["truth"]) for b in found)

columns = ["series", "the same", "within 3"]
columns += [f"{name} {what}" for name in ("fedproof", "otava") for what in ("exact", "near", "false")]
print("| |" + "|".join(columns) + "|")
print("|---" * (len(columns) + 1) + "|")
for group, counts in groups.items():
    print(f"| {group} |" + "|".join(str(counts[column]) for column in columns) + "|")
