# Comparisons with libxgboost, scikit-learn and drivers; each prints "N passed, N failed".
python-check: all
	/usr/bin/python3 test/interop/roundtrip_test.py
	/usr/bin/python3 test/interop/performance_sklearn_test.py

driver-check: all
	/usr/bin/python3 test/interop/driver_test.py

estimate-check: all
	/usr/bin/python3 test/interop/estimate_sklearn.py

prediction-log-check: all
	/usr/bin/python3 test/interop/prediction_log_test.py

profile-check: all
	/usr/bin/python3 test/interop/profile_test.py

exchange-check: all
	/usr/bin/python3 test/interop/exchange_test.py

interop: identity metric-check drift-check trainer-check python-check driver-check estimate-check prediction-log-check profile-check exchange-check

.PHONY: interop identity metric-check drift-check trainer-check python-check driver-check estimate-check prediction-log-check profile-check exchange-check
