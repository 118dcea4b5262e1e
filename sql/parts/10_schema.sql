-- schema; created by the script itself, so that a schema somebody else planted is never adopted
CREATE SCHEMA mlops;
COMMENT ON SCHEMA mlops IS 'machine-learning models: versions, training, prediction, drift';

