#!/usr/bin/python3
"""Models that cross the border between platforms: trained on one, the same bits on all.

    exchange_test.py write FOLDER   trains models here and leaves them there with their predictions
    exchange_test.py read FOLDER    predicts with every model in the folder, in SQL and, where
                                    it is not too old for it, by libxgboost

Each platform has a folder of its own in FOLDER, named by its versions.  Without
arguments both happen in a new folder: what was exported, imported again.
"""
import json
import os
import random
import sys
import tempfile

import numpy as np
import xgboost

from cluster import cluster

N_TRAINING, N_INPUT = 800, 400
COLUMNS = "id int PRIMARY KEY, a real, b float8, c int, d real, kind text, flag boolean"
LABELS = "binary_label boolean, class_label text, amount float8, visits int"
# model: target, arguments of train
MODELS = {
    "binary": ("binary_label", "num_boost_round => 40"),
    "multiclass": ("class_label", "num_boost_round => 12, params => '{\"max_depth\": 5}'"),
    "regression": ("amount", "num_boost_round => 60, params => '{\"max_depth\": 8, \"subsample\": 0.7, \"seed\": 7}'"),
    "categories": ("amount", "num_boost_round => 30, params => '{\"max_cat_to_onehot\": 1, \"max_depth\": 6}'"),
    "dart": ("binary_label", "num_boost_round => 20, params => '{\"booster\": \"dart\", \"rate_drop\": 0.3, \"seed\": 3}'"),
    "stopped": ("amount", "num_boost_round => 300, early_stopping_rounds => 4"),
    "forest": ("class_label", "num_boost_round => 3, params => '{\"num_parallel_tree\": 4, \"subsample\": 0.5, \"seed\": 5}'"),
    "counts": ("visits", "num_boost_round => 25, params => '{\"objective\": \"count:poisson\"}'"),
}
OUTPUTS = ("predict_raw", "predict_array", "predict_class", "predict_leaf", "explain")
CLASSIFIERS = ("binary", "multiclass", "dart", "forest")

passed = failed = 0


def check(name, condition, detail=""):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"not ok {name} {detail}")


def make_rows(seed, n, kinds):
    """Rows of COLUMNS and LABELS; Python's generator gives the same ones everywhere."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        a, b, c, d = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.randrange(-3, 4), rng.uniform(0, 100)
        kind, flag = rng.choice(kinds), rng.random() < 0.5
        score = a * 3 + b * b + 0.3 * c + d / 50 + (len(kind) % 3) + (0.7 if flag else 0) + rng.uniform(-0.5, 0.5)
        features = [None if rng.random() < 0.08 else v for v in (a, b, c, d, kind, flag)]
        rows.append([i] + features + [score > 2.5, "low" if score < 1.5 else "mid" if score < 3.5 else "high",
                                      score * 10, max(0, int(score))])
    return rows


def create_table(conn, name, rows):
    conn.execute(f"CREATE TABLE {name} ({COLUMNS}, {LABELS})")
    with conn.cursor().copy(f"COPY {name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def write_bits(value):
    if isinstance(value, list):
        return [write_bits(v) for v in value]
    return value.hex() if isinstance(value, float) else value


def predict_all(conn, model):
    """What every function says about every input row, floats by their bits."""
    outputs = {}
    for function in OUTPUTS:
        call = f"mlops.{function}('{model}', i)"
        if function == "explain":
            call = f"ARRAY(SELECT contribution FROM {call} WITH ORDINALITY ORDER BY ordinality)"
        elif function == "predict_class" and model.split("/")[0] not in CLASSIFIERS:
            continue
        outputs[function] = [write_bits(row[0]) for row in conn.execute(f"SELECT {call} FROM input i ORDER BY id")]
    return outputs


def write_models(conn, folder):
    """Train every model and leave it in the platform's folder, complete or not at all."""
    kinds = ["Bern", "Oslo", "Prag", "Rom", "Lima", "Wien"] + [f"town {i}" for i in range(40)]
    rows = make_rows(1, N_TRAINING, kinds)
    inputs = make_rows(2, N_INPUT, kinds + ["nowhere"])
    create_table(conn, "training", rows)
    create_table(conn, "input", inputs)
    temporary = os.path.join(folder, f".{os.getpid()}")
    os.mkdir(temporary)
    with open(os.path.join(temporary, "input.json"), "w") as file:
        json.dump(inputs, file)
    for model, (target, options) in MODELS.items():
        features = "id, a, b, c, d, flag" if model in ("regression", "dart") else "id, a, b, c, d, kind, flag"
        conn.execute(f"CALL mlops.train_wait('{model}', 'SELECT {features}, {target} FROM training', '{target}', "
                     f"key => '{{id}}', {options})")
        signature, digest = conn.execute(
            "SELECT v.signature || jsonb_strip_nulls(jsonb_build_object('classes', v.classes)), encode(d.digest, 'hex') FROM mlops.model_version v JOIN mlops.run r ON r.id = v.run_id "
            "JOIN mlops.dataset d ON d.id = r.dataset_id WHERE v.model = %s", [model]).fetchone()
        with open(os.path.join(temporary, model + ".ubj"), "wb") as file:
            file.write(conn.execute("SELECT mlops.export_model(%s)", [model]).fetchone()[0])
        with open(os.path.join(temporary, model + ".json"), "w") as file:
            json.dump({"signature": signature, "data": digest, "library": xgboost.__version__,
                       "outputs": predict_all(conn, model)}, file)
        check(f"{model} has a model", True)
    server = conn.execute("SHOW server_version_num").fetchone()[0]
    os.rename(temporary, os.path.join(folder, f"postgresql-{int(server) // 10000}-xgboost-{xgboost.__version__}"))


def encode_inputs(inputs, signature):
    """The input rows as the library wants them: float32, categories by their codes."""
    names = [column.split()[0] for column in (COLUMNS + ", " + LABELS).split(", ")]
    matrix = np.full((len(inputs), len(signature["features"])), np.nan, dtype=np.float32)
    for j, feature in enumerate(signature["features"]):
        codes = {label: code for code, label in enumerate(feature.get("categories", []))}
        for i, row in enumerate(inputs):
            value = row[names.index(feature["name"])]
            if value is not None:
                matrix[i, j] = codes.get(value, len(codes)) if codes else float(value)
    return matrix


def read_library(path, name, model, stored, inputs):
    """The bits of this platform's libxgboost, where it understands the model."""
    writer, reader = [tuple(int(v) for v in version.split(".")) for version in (stored["library"], xgboost.__version__)]
    # From 3.1 on base scores are a list, and from 3.3 on weights of dropped trees stand
    # elsewhere.  An older library overlooks both without an error.
    if reader < (3, 1) <= writer:
        return 0
    booster = xgboost.Booster()
    booster.load_model(path)
    types = ["c" if f["kind"] == "category" else "float" for f in stored["signature"]["features"]]
    matrix = xgboost.DMatrix(encode_inputs(inputs, stored["signature"]), feature_names=booster.feature_names,
                             feature_types=types, enable_categorical=True)
    for function, margin in (("predict_raw", True), ("predict_array", False)):
        theirs = booster.predict(matrix, output_margin=margin, strict_shape=True).reshape(len(inputs), -1)
        ours = np.array([[float.fromhex(v) for v in row] for row in stored["outputs"][function]])
        different = int((ours.astype(np.float32).view(np.uint32) != theirs.view(np.uint32)).sum())
        check(f"{name}: {function} of {model} by libxgboost {xgboost.__version__}", different == 0,
              f"{different} of {theirs.size} differ")
    return 1


def read_models(conn, folder):
    """Every platform's models in one database, as versions side by side."""
    platforms = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    data = {}
    for name in platforms:
        with open(os.path.join(folder, name, "input.json")) as file:
            inputs = json.load(file)
        conn.execute("DROP TABLE IF EXISTS input")
        create_table(conn, "input", inputs)
        n_read = 0
        for model in MODELS:
            path = os.path.join(folder, name, model)
            with open(path + ".json") as file:
                stored = json.load(file)
            with open(path + ".ubj", "rb") as file:
                version = conn.execute("SELECT mlops.register_model(%s, %s, %s::jsonb)",
                                       [model, file.read(), json.dumps(stored["signature"])]).fetchone()[0]
            outputs = predict_all(conn, f"{model}/{version}")
            for function, expected in stored["outputs"].items():
                different = sum(a != b for a, b in zip(outputs[function], expected))
                check(f"{name}: {function} of {model}", len(outputs[function]) == N_INPUT and different == 0,
                      f"{different} of {len(expected)} rows differ")
            n_read += read_library(path + ".ubj", name, model, stored, inputs)
            data.setdefault(model, set()).add(stored["data"])
        print(f"{name}: {len(MODELS)} models read; by libxgboost {xgboost.__version__} {n_read}")
    check("there are models to read", len(platforms) > 0)
    for model, digests in data.items():
        check(f"the data set of {model} has one digest on all platforms", len(digests) == 1, digests)


def run(step, folder):
    try:
        with cluster() as connect, connect("analyst") as conn:
            step(conn, folder)
    except Exception as error:  # a failed step is a failed test
        check(step.__name__, False, repr(error))


if len(sys.argv) > 2:
    run({"write": write_models, "read": read_models}[sys.argv[1]], sys.argv[2])
else:
    with tempfile.TemporaryDirectory() as folder:
        run(write_models, folder)
        run(read_models, folder)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
