#!/bin/bash
# Print SQL that makes tables of scikit-learn's data sets: load.sh FOLDER | psql
data=$1

# copy TABLE: number the rows of the CSV on standard input and copy them
copy() {
	echo "COPY $1 FROM STDIN (FORMAT csv);"
	awk '{ print NR "," $0 }'
	echo '\.'
}

cat <<'SQL'
CREATE TABLE tumor (
	id int PRIMARY KEY,
	radius float8, texture float8, perimeter float8, area float8, smoothness float8,
	compactness float8, concavity float8, concave_points float8, symmetry float8, fractal_dimension float8,
	radius_error float8, texture_error float8, perimeter_error float8, area_error float8, smoothness_error float8,
	compactness_error float8, concavity_error float8, concave_points_error float8, symmetry_error float8, fractal_dimension_error float8,
	worst_radius float8, worst_texture float8, worst_perimeter float8, worst_area float8, worst_smoothness float8,
	worst_compactness float8, worst_concavity float8, worst_concave_points float8, worst_symmetry float8, worst_fractal_dimension float8,
	diagnosis text);
CREATE TABLE wine (
	id int PRIMARY KEY,
	alcohol float8, malic_acid float8, ash float8, alcalinity_of_ash float8, magnesium float8,
	total_phenols float8, flavanoids float8, nonflavanoid_phenols float8, proanthocyanins float8,
	color_intensity float8, hue float8, od280_od315 float8, proline float8, cultivar text);
CREATE TABLE diabetes (
	id int PRIMARY KEY,
	age float8, sex int, bmi float8, bp float8, s1 float8, s2 float8, s3 float8, s4 float8, s5 float8, s6 float8,
	progression float8);
CREATE TABLE digit (id int PRIMARY KEY, pixel int[], digit text);
SQL

tail -n +2 "$data/breast_cancer.csv" | sed 's/,0$/,malignant/; s/,1$/,benign/' | copy tumor
tail -n +2 "$data/wine_data.csv" | sed 's/,\([012]\)$/,class_\1/' | copy wine
paste -d, <(gzip -dc "$data/diabetes_data_raw.csv.gz" | tr ' ' ',') <(gzip -dc "$data/diabetes_target.csv.gz") |
	copy diabetes
gzip -dc "$data/digits.csv.gz" | sed 's/^\(.*\),\([0-9]*\)$/"{\1}",\2/' | copy digit
