"""What is measured: one row per load. README.md says what each is for."""

import dataclasses

import measure
import pressure


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    measure: object
    connections: int
    lab: dict
    metrics: tuple             # (key in a measurement, what it is called)
    body_bytes: int = 1024
    load_options: tuple = ()
    one_cpu: bool = False      # proxy, upstream and load on one CPU: latency is then the sum of the work
    fresh: bool = False        # start the proxies anew in every round
    canned: bool = False       # needs the canned upstream: the lab would be what is measured
    tls: bool = False          # on both sides of the proxy
    events: int = 0            # of each stream; 0: as many as fill the time
    chunks_per_second: int = 0  # full speed: how many chunks per stream fill a second, roughly
    held: int = 0              # streams that are open meanwhile
    models: int = 0            # so many are configured, instead of one for all names
    sides: tuple = ()          # only these
    most_rounds: int = 1000
    base: str = ""             # the row of which this is a variation, for the tables
    warm_up_options: tuple = ()

    def tokens(self, seconds):
        return self.events or max(10, int(seconds * (self.lab.get("rate") or self.chunks_per_second)))


CPU, RATE = "cpu_us", "per_second"
# An answer with the nonce of its request as its text: one that went astray is noticed.
ECHO = {"text": "@NONCE@"}
# The lab makes this answer once; with a text of its own for each request it would be slower than the proxies.
READY = {"precomputed": True, "answer_bytes": 700}
PACED = {"chunk_bytes": 300, "precomputed": True}
FINISHED = ("--expect", '"finish_reason":"stop"')
PER_REQUEST = ((CPU, "CPU us per request"), (RATE, "requests/s"))
LATENCY = ((CPU, "CPU us per request"), ("added_p50_us", "added p50 us"), ("added_p99_us", "added p99 us"))
PER_CHUNK = ((CPU, "CPU us per chunk"), ("p50_us", "first event p50 us"), ("p99_us", "between events p99 us"))
MEMORY = (("stream_kib", "KiB per open stream"), ("rest_mib", "MiB resident at rest"))

PLAIN = (
    Row("1k-c1", measure.measure_json, 1, READY, LATENCY, load_options=FINISHED, one_cpu=True),
    Row("1k-c64", measure.measure_json, 64, READY, PER_REQUEST, load_options=FINISHED),
    Row("1k-c512", measure.measure_json, 512, READY, PER_REQUEST, load_options=FINISHED),
    Row("100k-c64", measure.measure_json, 64, ECHO, PER_REQUEST, load_options=("--echo",), body_bytes=100 * 1024,
        canned=True),
    Row("stream-1000x20ms", measure.measure_stream, 1000, PACED | {"rate": 50}, PER_CHUNK),
    Row("stream-64-full", measure.measure_stream, 64, {"chunk_bytes": 300},
        ((CPU, "CPU us per chunk"), (RATE, "chunks/s")), chunks_per_second=3000, canned=True),
    Row("hold-5000", measure.measure_hold, 5000, PACED | {"rate": 1}, MEMORY, fresh=True, most_rounds=3),
)


def with_tls(row, **changes):
    return dataclasses.replace(row, name=row.name + "-tls", tls=True, most_rounds=3, **changes)


def beside(streams):
    return Row(f"1k-c64-with-{streams}-streams", pressure.measure_beside_streams, 64, READY,
               ((CPU, "CPU us per request"), ("times_base", "times the cost with none")), load_options=FINISHED,
               fresh=True, held=streams, most_rounds=3, base="1k-c64")


def with_models(models):
    return Row(f"1k-c64-models-{models}", pressure.measure_with_models, 64, READY,
               ((CPU, "CPU us per request"), ("times_base", "times the cost with one")), load_options=FINISHED,
               fresh=True, models=models, sides=("sluice",), most_rounds=3, base="1k-c64")


TLS = tuple(map(with_tls, PLAIN[:6])) + (
    with_tls(dataclasses.replace(PLAIN[6], name="hold-1000", connections=1000)),)

UNDER_PRESSURE = (
    Row("hold-10000", pressure.measure_many_streams, 10000, {"rate": 1, "chunk_bytes": 300},
        (("streams", "streams open"), ("gap_ms", "longest gap between chunks ms"), (CPU, "CPU us per chunk"),
         ("stream_kib", "KiB per open stream")),
        fresh=True, canned=True, most_rounds=2),
    beside(1000), beside(10000),
    with_models(100), with_models(1000),
    Row("give-back", pressure.measure_give_back, 512, {"ttft": "1s", "answer_bytes": "100KB", "precomputed": True},
        (("rest_mib", "MiB resident before"), ("peak_mib", "MiB at the peak"), ("after_mib", "MiB 10 s after"),
         ("peak_times_payload", "peak over before, times the payload")),
        body_bytes=100 * 1024, fresh=True, most_rounds=2),
    Row("slow-readers-1000", pressure.measure_slow_readers, 1000, {"tokens": 1000000, "chunk_bytes": 8000},
        (("user_kib", "KiB resident per connection"), ("kernel_kib", "KiB in the kernel per connection")),
        fresh=True, canned=True, most_rounds=2),
    Row("slow-writers-1000", pressure.measure_slow_writers, 1000, {},
        (("user_kib", "KiB resident per connection"), ("kernel_kib", "KiB in the kernel per connection"),
         ("open_after", "still open after 16 s")),
        fresh=True, most_rounds=2),
)

GROUPS = {"plain": PLAIN, "tls": TLS, "pressure": UNDER_PRESSURE}
ROWS = PLAIN + TLS + UNDER_PRESSURE
