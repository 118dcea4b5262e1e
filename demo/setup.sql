-- as superuser, once: a database, the extension, a role that may train
CREATE DATABASE demo;
CREATE ROLE analyst LOGIN;
\connect demo
CREATE EXTENSION mlops;
GRANT EXECUTE ON FUNCTION mlops.train TO analyst;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO analyst;
GRANT CREATE ON SCHEMA public TO analyst;
