-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION mlops" to load this file. \quit

-- CREATE EXTENSION does the same, since the control file says schema = pg_catalog
SET LOCAL search_path = pg_catalog, pg_temp;
