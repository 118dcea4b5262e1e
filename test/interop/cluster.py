"""A throwaway cluster on a Unix socket, for tests and benchmarks in Python."""
import contextlib
import os
import shutil
import subprocess
import tempfile

import psycopg


@contextlib.contextmanager
def cluster(port=54330, **settings):
    """Yield a function connect(user, dbname) to a new cluster with mlops installed."""
    base = tempfile.mkdtemp(prefix="mlops-interop.")
    data = os.path.join(base, "data")
    try:
        subprocess.run(["initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"],
                       check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(data, "postgresql.conf"), "a") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{base}'\nport = {port}\nfsync = off\n")
            for name, value in settings.items():
                conf.write(f"{name.replace('__', '.')} = '{value}'\n")
        subprocess.run(["pg_ctl", "-D", data, "-l", os.path.join(base, "log"), "-w", "start"],
                       check=True, stdout=subprocess.DEVNULL)

        def connect(user="postgres", dbname="postgres", **options):
            return psycopg.connect(host=base, port=port, user=user, dbname=dbname, autocommit=True, **options)

        connect.data, connect.base, connect.port = data, base, port
        with connect() as conn:
            conn.execute("CREATE EXTENSION mlops")
            conn.execute("CREATE ROLE analyst LOGIN")
            conn.execute("GRANT CREATE ON SCHEMA public TO analyst")
            conn.execute("GRANT EXECUTE ON FUNCTION mlops.train, mlops.register_model TO analyst")
            conn.execute("GRANT EXECUTE ON PROCEDURE mlops.train_wait TO analyst")
        yield connect
    finally:
        subprocess.run(["pg_ctl", "-D", data, "-m", "fast", "-w", "stop"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(base, ignore_errors=True)
