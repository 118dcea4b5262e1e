# Comparisons with libxgboost, scikit-learn and drivers; each prints "N passed, N failed".
python-check: all
	/usr/bin/python3 test/interop/roundtrip_test.py
	/usr/bin/python3 test/interop/performance_sklearn_test.py

driver-check: all
	/usr/bin/python3 test/interop/driver_test.py

interop: identity metric-check trainer-check python-check driver-check

.PHONY: interop python-check driver-check
