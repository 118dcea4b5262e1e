"""Drives mlops_trainer as the executor does: spool files, configuration and pipe.

Used by trainer_test.py and by the benchmark; the layouts repeat
src/job/spool_format.h and src/job/trainer_protocol.h.
"""
import collections
import os
import struct
import subprocess
import tempfile

import numpy as np

MESSAGE = struct.Struct("=IIIiqddd976s")
TYPES = [None, "hello", "phase", "round", "stopped", "metric", "baseline_metric",
         "baseline_loss", "threshold", "knot", "cut", "note", "error", "done"]
PARTS = ["train", "validation", "test"]
MAGIC = 0x314C4F4F50534C4D

Message = collections.namedtuple("Message", "type part weighted index n value error other text")


def spool(features, label, upper=None, weight=None, group=None):
    """The bytes of a spool file."""
    features = np.asarray(features, dtype=np.float32)
    n, columns = features.shape
    pad = (columns + 3) % 2
    row = np.dtype([("x", np.float32, (columns,)), ("label", np.float32), ("upper", np.float32),
                    ("weight", np.float32), ("pad", np.float32, (pad,)), ("group", np.uint64)])
    rows = np.zeros(n, dtype=row)
    rows["x"] = features
    rows["label"] = label
    rows["upper"] = label if upper is None else upper
    rows["weight"] = 1 if weight is None else weight
    rows["group"] = 0 if group is None else group
    return struct.pack("=QQII", MAGIC, n, columns, row.itemsize) + rows.tobytes()


def configuration(pairs):
    """The bytes of a configuration, from pairs of key and value."""
    out = b""
    for key, value in pairs:
        for text in (key, value):
            text = text if isinstance(text, bytes) else str(text).encode()
            out += struct.pack("=I", len(text)) + text
    return out


def features(names, kinds=None, cardinality=None):
    """The pairs that describe the features."""
    kinds = kinds or ["q"] * len(names)
    cardinality = cardinality or [0] * len(names)
    return ([("n_features", len(names))] + [("feature_name", n) for n in names] +
            [("feature_kind", k) for k in kinds] +
            [("feature_cardinality", c) for c in cardinality])


class Result:
    """What a trainer said and left behind."""

    def __init__(self, messages, model, reference, status, stderr):
        self.messages = messages
        self.model = model
        self.reference = reference
        self.status = status
        self.stderr = stderr

    def of(self, kind):
        return [m for m in self.messages if m.type == kind]

    def error(self):
        return self.of("error")[-1].text if self.of("error") else None

    def metric(self, name, weighted=0, kind="metric"):
        found = [m for m in self.of(kind) if m.text == name and m.weighted == weighted]
        assert len(found) == 1, (name, [m.text for m in self.messages])
        return found[0]

    def profiles(self):
        """The profiles of features, label and predictions: counts by code, or (edges, counts)."""
        found, at = [], 0
        while at < len(self.reference):
            size, = struct.unpack_from("=I", self.reference, at)
            image = self.reference[at + 4:at + 4 + size]
            found.append(image)
            at += 4 + size
        assert at == len(self.reference)
        return found

    def rounds(self, part, metric):
        return [m.value for m in self.of("round") if PARTS[m.part] == part and m.text == metric]


def counts_of(image):
    """Counts by code, of a column of categories or classes."""
    return np.frombuffer(image, np.int64)


def cells_of(image):
    """Inner edges, and counts of the intervals (lower, upper], of a column of numbers; NULLs last.  The
    layout repeats src/drift/profile_image.h."""
    n, = struct.unpack_from("=H", image, 20)
    edges = np.frombuffer(image, np.float64, n - 1, 72)
    counts = np.frombuffer(image, np.int64, n + 6, 72 + 8 * (n - 1))
    return edges, np.append(counts[:n], counts[n + 2])


def run(trainer, config, parts, baseline=None, protocol="3", threads=1, timeout=600, preexec=None):
    """Run one training; parts are the bytes of the three spool files."""
    with tempfile.TemporaryDirectory() as folder:
        def store(name, data):
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(data)
            return path

        paths = [store("config", config)] + [store(PARTS[i], parts[i]) for i in range(3)]
        model, reference = store("model", b""), store("reference", b"")
        reader, writer = os.pipe()
        wanted = {3: writer}
        for i, path in enumerate(paths):
            wanted[4 + i] = os.open(path, os.O_RDONLY)
        wanted[8] = os.open(model, os.O_WRONLY)
        if baseline is not None:
            wanted[9] = os.open(store("baseline", baseline), os.O_RDONLY)
        wanted[10] = os.open(reference, os.O_WRONLY)

        def place():
            # first out of the way, then to the agreed numbers
            moved = {target: os.dup2(fd, 100 + target) for target, fd in wanted.items()}
            for target, fd in moved.items():
                os.dup2(fd, target)
            os.closerange(11, 256)
            if preexec:
                preexec()

        environment = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"}
        process = subprocess.Popen([trainer, protocol], env=environment, cwd="/", close_fds=False,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, preexec_fn=place)
        for fd in wanted.values():
            os.close(fd)
        data = b""
        while True:
            block = os.read(reader, 1 << 20)
            if not block:
                break
            data += block
        os.close(reader)
        stderr = process.stderr.read()
        process.stderr.close()
        status = process.wait(timeout)
        assert len(data) % MESSAGE.size == 0, len(data)
        messages = []
        for fields in MESSAGE.iter_unpack(data):
            text = fields[8].split(b"\0")[0].decode()
            messages.append(Message(TYPES[fields[0]], *fields[1:8], text))
        with open(model, "rb") as model_file, open(reference, "rb") as reference_file:
            return Result(messages, model_file.read(), reference_file.read(), status, stderr)
