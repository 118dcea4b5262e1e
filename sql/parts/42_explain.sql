-- explanations; every function checks the right to predict at every statement

CREATE FUNCTION mlops.explain(model text, VARIADIC features "any")
	RETURNS TABLE (class text, feature text, value text, contribution float8)
	LANGUAGE C STABLE PARALLEL SAFE COST 5000 ROWS 20
	AS 'MODULE_PATHNAME', 'mlops_sql_explain';
COMMENT ON FUNCTION mlops.explain(text, "any") IS
'What each feature adds to the prediction for one row: exact path-dependent SHAP values (Lundberg, Erion and Lee 2018, algorithm 2), equal to XGBoost''s pred_contribs but for its single precision. Per margin one line for each feature of the signature and one named (base), which holds what the model predicts on average over its training rows; together they add up to the margin, the number of predict_raw.
contribution: in units of the margin, that is log-odds for binary and multiclass models, the logarithm of the value for counts and gamma, the value itself for most regressions. class: the positive class, or the class of the margin; NULL for a model with one output and no classes; the number of the margin, from 1, for one with several. value: as the model saw it, a label, true or false, or a float4 (seconds or days of times); NULL for a missing one, (unseen) for a category that the dictionary does not have.
Arguments as for predict. No lines for a NULL model or row. Errors as for predict, and for a model whose bytes lack sum_hessian. Costs about as much as 100 predictions; can be cancelled.';

CREATE FUNCTION mlops.explain_interactions(model text, VARIADIC features "any")
	RETURNS TABLE (class text, feature1 text, feature2 text, contribution float8)
	LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 100
	AS 'MODULE_PATHNAME', 'mlops_sql_explain_interactions';
COMMENT ON FUNCTION mlops.explain_interactions(text, "any") IS
'The contributions of explain, split into what features add alone and what pairs of them add together: SHAP interaction values (Lundberg, Erion and Lee 2018), equal to XGBoost''s pred_interactions but for its single precision. Per margin: one line for each feature with itself, the diagonal of XGBoost''s matrix; one for each pair that interacts for this row, feature1 before feature2 in the signature, with the sum of the pair''s two cells of the matrix; and one of (base) with (base). Together they add up to the margin. A feature''s contribution in explain is its own line and half of each of its pairs.
Units, class, arguments, NULL and errors as for explain. A margin that depends on more than 8192 features is an error.';

CREATE FUNCTION mlops.importance(model text, type text = 'gain')
	RETURNS TABLE (feature text, importance float8)
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000 ROWS 20
	AS 'MODULE_PATHNAME', 'mlops_sql_importance';
COMMENT ON FUNCTION mlops.importance(text, text) IS
'How much a model uses its features, over all rows that it was trained on; equal to XGBoost''s get_score for the same trees, those up to the best iteration. Only features that a split uses, the greatest importance first, then in the order of the signature.
type: weight (number of splits), gain (mean decrease of the loss by a split), cover (mean weight, the sum of hessians, of the rows at a split), total_gain, total_cover (sums instead of means). Of a linear model with one output weight gives the weights. No lines for NULL. Errors: no such model or no right to predict; an unknown type; a model without such an importance.';
