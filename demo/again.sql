\pset footer off
\echo '-- A fresh connection predicts the same'
SELECT id, diagnosis AS truth, mlops.predict_class('tumor', t) AS predicted, mlops.predict('tumor', t) AS p_malignant
FROM tumor t ORDER BY id DESC LIMIT 6;
