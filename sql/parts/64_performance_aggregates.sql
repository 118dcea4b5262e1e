-- performance aggregates; SQL aggregates take neither named nor default arguments, hence one for each number of them

-- predicted classes

CREATE AGGREGATE mlops.accuracy(label "any", prediction "any") (
	SFUNC = mlops.performance_add_hit, STYPE = mlops.performance, FINALFUNC = mlops.performance_accuracy,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy("any", "any") IS
'Share of rows whose prediction is the label, 0 to 1, as scikit-learn''s accuracy_score. Values compare as text: label::text = prediction::text; a boolean beside a number is 1 or 0. mlops.predict_class makes predictions. Rows with a NULL label or prediction are left out; no rows give NULL.';

CREATE AGGREGATE mlops.accuracy(label "any", prediction "any", weight float8) (
	SFUNC = mlops.performance_add_hit, STYPE = mlops.performance, FINALFUNC = mlops.performance_accuracy,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.accuracy("any", "any", float8) IS
'accuracy(label, prediction). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.balanced_accuracy(label "any", prediction "any") (
	SFUNC = mlops.performance_add_class, STYPE = mlops.performance, FINALFUNC = mlops.performance_balanced_accuracy,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.balanced_accuracy("any", "any") IS
'Mean over the classes among the labels of the share found, as scikit-learn''s balanced_accuracy_score. At most 256 classes. Labels of one class give NULL. Rows with a NULL label or prediction are left out; no rows give NULL. Error: 54000 for more classes.';

CREATE AGGREGATE mlops.balanced_accuracy(label "any", prediction "any", weight float8) (
	SFUNC = mlops.performance_add_class, STYPE = mlops.performance, FINALFUNC = mlops.performance_balanced_accuracy,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.balanced_accuracy("any", "any", float8) IS
'balanced_accuracy(label, prediction). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.matthews_corrcoef(label "any", prediction "any") (
	SFUNC = mlops.performance_add_class, STYPE = mlops.performance, FINALFUNC = mlops.performance_matthews_corrcoef,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.matthews_corrcoef("any", "any") IS
'Correlation of labels and predictions, -1 to 1, as scikit-learn''s matthews_corrcoef, for two or more classes, at most 256. NULL where labels or predictions are of one class (scikit-learn: 0). Rows with a NULL label or prediction are left out; no rows give NULL. Error: 54000 for more classes.';

CREATE AGGREGATE mlops.matthews_corrcoef(label "any", prediction "any", weight float8) (
	SFUNC = mlops.performance_add_class, STYPE = mlops.performance, FINALFUNC = mlops.performance_matthews_corrcoef,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.matthews_corrcoef("any", "any", float8) IS
'matthews_corrcoef(label, prediction). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.precision(label "any", prediction "any") (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_precision,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision("any", "any") IS
'Of the rows predicted positive, the share that is, as scikit-learn''s precision_score. Labels and predictions are true/false or 1/0, of any type; true and 1 are positive. NULL where no row is predicted positive (scikit-learn: 0). Rows with a NULL label or prediction are left out; no rows give NULL. Error: 22023 for another label: name the positive class. Write it with the schema: precision alone is a keyword.';

CREATE AGGREGATE mlops.precision(label "any", prediction "any", positive text) (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_precision,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision("any", "any", text) IS
'precision of the class positive against all others: label::text = positive. NULL where no row is predicted positive. Rows with a NULL label or prediction are left out; no rows give NULL.';

CREATE AGGREGATE mlops.precision(label "any", prediction "any", positive text, weight float8) (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_precision,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision("any", "any", text, float8) IS
'precision(label, prediction, positive). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.precision(label "any", prediction "any", positive text, average text) (
	SFUNC = mlops.performance_add_average, STYPE = mlops.performance, FINALFUNC = mlops.performance_precision,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision("any", "any", text, text) IS
'precision over several classes, at most 256: positive is NULL and average, the same for all rows, says how the classes'' values become one, as in scikit-learn: macro (mean over the classes among labels and predictions), weighted (by the labels of the class), micro (from the sums over classes, which is the accuracy). A class where it is not defined counts as 0. With a NULL average the same as precision(label, prediction, positive). Rows with a NULL label or prediction are left out; no rows give NULL. Error: 54000 for more classes.';

CREATE AGGREGATE mlops.precision(label "any", prediction "any", positive text, average text, weight float8) (
	SFUNC = mlops.performance_add_average, STYPE = mlops.performance, FINALFUNC = mlops.performance_precision,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.precision("any", "any", text, text, float8) IS
'precision(label, prediction, positive, average). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.recall(label "any", prediction "any") (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_recall,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall("any", "any") IS
'Of the positive rows, the share predicted so, as scikit-learn''s recall_score. Labels and predictions are true/false or 1/0, of any type; true and 1 are positive. NULL where no row is positive (scikit-learn: 0). Rows with a NULL label or prediction are left out; no rows give NULL. Error: 22023 for another label: name the positive class.';

CREATE AGGREGATE mlops.recall(label "any", prediction "any", positive text) (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_recall,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall("any", "any", text) IS
'recall of the class positive against all others: label::text = positive. NULL where no row is positive. Rows with a NULL label or prediction are left out; no rows give NULL.';

CREATE AGGREGATE mlops.recall(label "any", prediction "any", positive text, weight float8) (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_recall,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall("any", "any", text, float8) IS
'recall(label, prediction, positive). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.recall(label "any", prediction "any", positive text, average text) (
	SFUNC = mlops.performance_add_average, STYPE = mlops.performance, FINALFUNC = mlops.performance_recall,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall("any", "any", text, text) IS
'recall over several classes, at most 256: positive is NULL and average, the same for all rows, says how the classes'' values become one, as in scikit-learn: macro (mean over the classes among labels and predictions), weighted (by the labels of the class), micro (from the sums over classes, which is the accuracy). A class where it is not defined counts as 0. With a NULL average the same as recall(label, prediction, positive). Rows with a NULL label or prediction are left out; no rows give NULL. Error: 54000 for more classes.';

CREATE AGGREGATE mlops.recall(label "any", prediction "any", positive text, average text, weight float8) (
	SFUNC = mlops.performance_add_average, STYPE = mlops.performance, FINALFUNC = mlops.performance_recall,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.recall("any", "any", text, text, float8) IS
'recall(label, prediction, positive, average). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.f1(label "any", prediction "any") (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_f1,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1("any", "any") IS
'Harmonic mean of precision and recall, as scikit-learn''s f1_score. Labels and predictions are true/false or 1/0, of any type; true and 1 are positive. NULL where no row is positive or predicted so (scikit-learn: 0). Rows with a NULL label or prediction are left out; no rows give NULL. Error: 22023 for another label: name the positive class.';

CREATE AGGREGATE mlops.f1(label "any", prediction "any", positive text) (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_f1,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1("any", "any", text) IS
'f1 of the class positive against all others: label::text = positive. NULL where no row is positive or predicted so. Rows with a NULL label or prediction are left out; no rows give NULL.';

CREATE AGGREGATE mlops.f1(label "any", prediction "any", positive text, weight float8) (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_f1,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1("any", "any", text, float8) IS
'f1(label, prediction, positive). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.f1(label "any", prediction "any", positive text, average text) (
	SFUNC = mlops.performance_add_average, STYPE = mlops.performance, FINALFUNC = mlops.performance_f1,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1("any", "any", text, text) IS
'f1 over several classes, at most 256: positive is NULL and average, the same for all rows, says how the classes'' values become one, as in scikit-learn: macro (mean over the classes among labels and predictions), weighted (by the labels of the class), micro (from the sums over classes, which is the accuracy). A class where it is not defined counts as 0. With a NULL average the same as f1(label, prediction, positive). Rows with a NULL label or prediction are left out; no rows give NULL. Error: 54000 for more classes.';

CREATE AGGREGATE mlops.f1(label "any", prediction "any", positive text, average text, weight float8) (
	SFUNC = mlops.performance_add_average, STYPE = mlops.performance, FINALFUNC = mlops.performance_f1,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.f1("any", "any", text, text, float8) IS
'f1(label, prediction, positive, average). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.specificity(label "any", prediction "any") (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_specificity,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.specificity("any", "any") IS
'Of the negative rows, the share predicted so: recall of the negative class. Labels and predictions are true/false or 1/0. NULL where no row is negative. Rows with a NULL label or prediction are left out; no rows give NULL. Error: 22023 for another label.';

CREATE AGGREGATE mlops.specificity(label "any", prediction "any", positive text) (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_specificity,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.specificity("any", "any", text) IS
'specificity with the class positive against all others: label::text = positive. Rows with a NULL label or prediction are left out; no rows give NULL.';

CREATE AGGREGATE mlops.specificity(label "any", prediction "any", positive text, weight float8) (
	SFUNC = mlops.performance_add_cell, STYPE = mlops.performance, FINALFUNC = mlops.performance_specificity,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.specificity("any", "any", text, float8) IS
'specificity(label, prediction, positive). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

-- scores of two classes

CREATE AGGREGATE mlops.log_loss(label "any", score float8) (
	SFUNC = mlops.performance_add_score, STYPE = mlops.performance, FINALFUNC = mlops.performance_log_loss,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss("any", float8) IS
'Mean of -log(probability of the label), as scikit-learn''s log_loss: probabilities are clipped to 2.2e-16 from 0 and 1. score is the probability of the positive class, 0 to 1, as mlops.predict returns it; labels are true/false or 1/0. Rows with a NULL label or score are left out; no rows give NULL. Error: 22023 for a score outside of 0 to 1, NaN included, or another label.';

CREATE AGGREGATE mlops.log_loss(label "any", score float8, positive text) (
	SFUNC = mlops.performance_add_score, STYPE = mlops.performance, FINALFUNC = mlops.performance_log_loss,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss("any", float8, text) IS
'log_loss with the class positive against all others: label::text = positive.';

CREATE AGGREGATE mlops.log_loss(label "any", score float8, positive text, weight float8) (
	SFUNC = mlops.performance_add_score, STYPE = mlops.performance, FINALFUNC = mlops.performance_log_loss,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss("any", float8, text, float8) IS
'log_loss(label, score, positive), positive NULL for true/false or 1/0. Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.brier_score(label "any", score float8) (
	SFUNC = mlops.performance_add_score, STYPE = mlops.performance, FINALFUNC = mlops.performance_brier_score,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier_score("any", float8) IS
'Mean squared distance of probability and label, as scikit-learn''s brier_score_loss. score is the probability of the positive class, 0 to 1, as mlops.predict returns it; labels are true/false or 1/0. Rows with a NULL label or score are left out; no rows give NULL. Error: 22023 for a score outside of 0 to 1, NaN included, or another label.';

CREATE AGGREGATE mlops.brier_score(label "any", score float8, positive text) (
	SFUNC = mlops.performance_add_score, STYPE = mlops.performance, FINALFUNC = mlops.performance_brier_score,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier_score("any", float8, text) IS
'brier_score with the class positive against all others: label::text = positive.';

CREATE AGGREGATE mlops.brier_score(label "any", score float8, positive text, weight float8) (
	SFUNC = mlops.performance_add_score, STYPE = mlops.performance, FINALFUNC = mlops.performance_brier_score,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.brier_score("any", float8, text, float8) IS
'brier_score(label, score, positive), positive NULL for true/false or 1/0. Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.calibration_error(label "any", score float8) (
	SFUNC = mlops.performance_add_score, STYPE = mlops.performance, FINALFUNC = mlops.performance_calibration_error,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.calibration_error("any", float8) IS
'Expected calibration error: over ten bins of equal width, closed above as in scikit-learn''s calibration_curve, the distance of mean probability and share of positives, averaged by the bins'' rows. Equal width, so that it merges: the cells do not depend on the rows. score is the probability of the positive class, 0 to 1, as mlops.predict returns it; labels are true/false or 1/0. Rows with a NULL label or score are left out; no rows give NULL. Error: 22023 for a score outside of 0 to 1, NaN included, or another label.';

CREATE AGGREGATE mlops.calibration_error(label "any", score float8, positive text) (
	SFUNC = mlops.performance_add_score, STYPE = mlops.performance, FINALFUNC = mlops.performance_calibration_error,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.calibration_error("any", float8, text) IS
'calibration_error with the class positive against all others: label::text = positive.';

CREATE AGGREGATE mlops.calibration_error(label "any", score float8, positive text, weight float8) (
	SFUNC = mlops.performance_add_score, STYPE = mlops.performance, FINALFUNC = mlops.performance_calibration_error,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.calibration_error("any", float8, text, float8) IS
'calibration_error(label, score, positive), positive NULL for true/false or 1/0. Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.roc_auc_binned(label "any", score float8) (
	SFUNC = mlops.performance_add_bin, STYPE = mlops.performance, FINALFUNC = mlops.performance_roc_auc,
	SSPACE = 8400, COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc_binned("any", float8) IS
'Area under the ROC curve from counts in 515 fixed bins: mergeable, parallel, and a window function, where roc_auc sorts. Bins are sixteenths of a halving of the distance to 0 or 1. Differs from roc_auc by at most half the sum over bins of positives times negatives, divided by all positives times all negatives. score is the probability of the positive class, 0 to 1, as mlops.predict returns it; labels are true/false or 1/0. One class gives NULL. Rows with a NULL label or score are left out; no rows give NULL. Error: 22023 for a score outside of 0 to 1, NaN included, or another label.';

CREATE AGGREGATE mlops.roc_auc_binned(label "any", score float8, positive text) (
	SFUNC = mlops.performance_add_bin, STYPE = mlops.performance, FINALFUNC = mlops.performance_roc_auc,
	SSPACE = 8400, COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc_binned("any", float8, text) IS
'roc_auc_binned with the class positive against all others: label::text = positive.';

CREATE AGGREGATE mlops.roc_auc_binned(label "any", score float8, positive text, weight float8) (
	SFUNC = mlops.performance_add_bin, STYPE = mlops.performance, FINALFUNC = mlops.performance_roc_auc,
	SSPACE = 8400, COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc_binned("any", float8, text, float8) IS
'roc_auc_binned(label, score, positive), positive NULL for true/false or 1/0. Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.average_precision_binned(label "any", score float8) (
	SFUNC = mlops.performance_add_bin, STYPE = mlops.performance, FINALFUNC = mlops.performance_average_precision,
	SSPACE = 8400, COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.average_precision_binned("any", float8) IS
'Average precision from the bins of roc_auc_binned, rows of a bin counting as of one score. Differs from average_precision by at most the sum over bins of the bin''s share of positives times the difference of the precisions with all its negatives last and first. score is the probability of the positive class, 0 to 1, as mlops.predict returns it; labels are true/false or 1/0. NULL without positives. Rows with a NULL label or score are left out; no rows give NULL. Error: 22023 for a score outside of 0 to 1, NaN included, or another label.';

CREATE AGGREGATE mlops.average_precision_binned(label "any", score float8, positive text) (
	SFUNC = mlops.performance_add_bin, STYPE = mlops.performance, FINALFUNC = mlops.performance_average_precision,
	SSPACE = 8400, COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.average_precision_binned("any", float8, text) IS
'average_precision_binned with the class positive against all others: label::text = positive.';

CREATE AGGREGATE mlops.average_precision_binned(label "any", score float8, positive text, weight float8) (
	SFUNC = mlops.performance_add_bin, STYPE = mlops.performance, FINALFUNC = mlops.performance_average_precision,
	SSPACE = 8400, COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.average_precision_binned("any", float8, text, float8) IS
'average_precision_binned(label, score, positive), positive NULL for true/false or 1/0. Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.log_loss(label "any", probabilities float8[], classes text[]) (
	SFUNC = mlops.performance_add_probabilities, STYPE = mlops.performance, FINALFUNC = mlops.performance_log_loss,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss("any", float8[], text[]) IS
'log_loss of several classes, from the probabilities of each in the order of classes: mlops.log_loss(label, mlops.predict_proba(m, t), mlops.classes(m)). As scikit-learn''s, clipped and made to sum to 1. Rows with a NULL are left out. Error: 22023 for a label that is not among the classes, or a probability outside of 0 to 1.';

CREATE AGGREGATE mlops.log_loss(label "any", probabilities float8[], classes text[], weight float8) (
	SFUNC = mlops.performance_add_probabilities, STYPE = mlops.performance, FINALFUNC = mlops.performance_log_loss,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.log_loss("any", float8[], text[], float8) IS
'log_loss(label, probabilities, classes). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

-- exact areas under curves: rows are sorted

CREATE FUNCTION mlops.performance_add_rank(internal, "any", float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_rank' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_rank(internal, "any", float8) IS 'Step of roc_auc and average_precision: puts a row into a sort. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_rank(internal, "any", float8, text) RETURNS internal
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_rank' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_rank(internal, "any", float8, text) IS 'Step of roc_auc and average_precision: puts a row into a sort. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_add_rank(internal, "any", float8, text, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_add_rank' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_add_rank(internal, "any", float8, text, float8) IS 'Step of roc_auc and average_precision: puts a row into a sort. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_rank_roc_auc(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_rank_roc_auc' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_rank_roc_auc(internal) IS 'Last step of the aggregate of that name. Works in an aggregate only.';
CREATE FUNCTION mlops.performance_rank_average_precision(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'mlops_sql_performance_rank_average_precision' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION mlops.performance_rank_average_precision(internal) IS 'Last step of the aggregate of that name. Works in an aggregate only.';

CREATE AGGREGATE mlops.roc_auc(label "any", score float8) (
	SFUNC = mlops.performance_add_rank, STYPE = internal, FINALFUNC = mlops.performance_rank_roc_auc,
	SSPACE = 4194304, FINALFUNC_MODIFY = SHAREABLE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc("any", float8) IS
'Area under the ROC curve, as scikit-learn''s roc_auc_score: the share of pairs of a positive and a negative row in which the positive has the higher score, ties counting half. One class gives NULL. score is any finite number, higher for positive; labels are true/false or 1/0. Exact: sorts the rows, in work_mem and then on disk; not in parallel and no window function, see roc_auc_binned. Rows with a NULL label or score are left out; no rows give NULL. Error: 22023 for a score that is NaN or infinite, or another label.';

CREATE AGGREGATE mlops.roc_auc(label "any", score float8, positive text) (
	SFUNC = mlops.performance_add_rank, STYPE = internal, FINALFUNC = mlops.performance_rank_roc_auc,
	SSPACE = 4194304, FINALFUNC_MODIFY = SHAREABLE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc("any", float8, text) IS
'roc_auc with the class positive against all others: label::text = positive.';

CREATE AGGREGATE mlops.roc_auc(label "any", score float8, positive text, weight float8) (
	SFUNC = mlops.performance_add_rank, STYPE = internal, FINALFUNC = mlops.performance_rank_roc_auc,
	SSPACE = 4194304, FINALFUNC_MODIFY = SHAREABLE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.roc_auc("any", float8, text, float8) IS
'roc_auc(label, score, positive), positive NULL for true/false or 1/0. Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.average_precision(label "any", score float8) (
	SFUNC = mlops.performance_add_rank, STYPE = internal, FINALFUNC = mlops.performance_rank_average_precision,
	SSPACE = 4194304, FINALFUNC_MODIFY = SHAREABLE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.average_precision("any", float8) IS
'Sum over the scores, from the highest on, of precision times the rise of recall, as scikit-learn''s average_precision_score; rows of equal score count together. NULL without positives. score is any finite number, higher for positive; labels are true/false or 1/0. Exact: sorts the rows, in work_mem and then on disk; not in parallel and no window function, see average_precision_binned. Rows with a NULL label or score are left out; no rows give NULL. Error: 22023 for a score that is NaN or infinite, or another label.';

CREATE AGGREGATE mlops.average_precision(label "any", score float8, positive text) (
	SFUNC = mlops.performance_add_rank, STYPE = internal, FINALFUNC = mlops.performance_rank_average_precision,
	SSPACE = 4194304, FINALFUNC_MODIFY = SHAREABLE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.average_precision("any", float8, text) IS
'average_precision with the class positive against all others: label::text = positive.';

CREATE AGGREGATE mlops.average_precision(label "any", score float8, positive text, weight float8) (
	SFUNC = mlops.performance_add_rank, STYPE = internal, FINALFUNC = mlops.performance_rank_average_precision,
	SSPACE = 4194304, FINALFUNC_MODIFY = SHAREABLE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.average_precision("any", float8, text, float8) IS
'average_precision(label, score, positive), positive NULL for true/false or 1/0. Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

-- numbers

CREATE AGGREGATE mlops.mse(label float8, prediction float8) (
	SFUNC = mlops.performance_add_value, STYPE = mlops.performance, FINALFUNC = mlops.performance_mse,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mse(float8, float8) IS
'Mean of (label - prediction)^2, as scikit-learn''s mean_squared_error. Rows with a NULL label or prediction are left out; no rows give NULL. Sums are exact: any order of rows gives the same bits. Error: 22023 for NaN and infinite values.';

CREATE AGGREGATE mlops.mse(label float8, prediction float8, weight float8) (
	SFUNC = mlops.performance_add_value, STYPE = mlops.performance, FINALFUNC = mlops.performance_mse,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mse(float8, float8, float8) IS
'mse(label, prediction). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.rmse(label float8, prediction float8) (
	SFUNC = mlops.performance_add_value, STYPE = mlops.performance, FINALFUNC = mlops.performance_rmse,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.rmse(float8, float8) IS
'Square root of mse, in units of the label. Rows with a NULL label or prediction are left out; no rows give NULL. Sums are exact: any order of rows gives the same bits. Error: 22023 for NaN and infinite values.';

CREATE AGGREGATE mlops.rmse(label float8, prediction float8, weight float8) (
	SFUNC = mlops.performance_add_value, STYPE = mlops.performance, FINALFUNC = mlops.performance_rmse,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.rmse(float8, float8, float8) IS
'rmse(label, prediction). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.mae(label float8, prediction float8) (
	SFUNC = mlops.performance_add_value, STYPE = mlops.performance, FINALFUNC = mlops.performance_mae,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mae(float8, float8) IS
'Mean of |label - prediction|, as scikit-learn''s mean_absolute_error, in units of the label. Rows with a NULL label or prediction are left out; no rows give NULL. Sums are exact: any order of rows gives the same bits. Error: 22023 for NaN and infinite values.';

CREATE AGGREGATE mlops.mae(label float8, prediction float8, weight float8) (
	SFUNC = mlops.performance_add_value, STYPE = mlops.performance, FINALFUNC = mlops.performance_mae,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mae(float8, float8, float8) IS
'mae(label, prediction). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.mape(label float8, prediction float8) (
	SFUNC = mlops.performance_add_value, STYPE = mlops.performance, FINALFUNC = mlops.performance_mape,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mape(float8, float8) IS
'Mean of |label - prediction| / |label|, a share and not per cent, as scikit-learn''s mean_absolute_percentage_error: the divisor is at least 2.2e-16, so a label of 0 counts hugely. Rows with a NULL label or prediction are left out; no rows give NULL. Sums are exact: any order of rows gives the same bits. Error: 22023 for NaN and infinite values.';

CREATE AGGREGATE mlops.mape(label float8, prediction float8, weight float8) (
	SFUNC = mlops.performance_add_value, STYPE = mlops.performance, FINALFUNC = mlops.performance_mape,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.mape(float8, float8, float8) IS
'mape(label, prediction). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.r2(label float8, prediction float8) (
	SFUNC = mlops.performance_add_value, STYPE = mlops.performance, FINALFUNC = mlops.performance_r2,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.r2(float8, float8) IS
'Coefficient of determination, as scikit-learn''s r2_score: 1 - sum of squared errors / sum of squares around the mean label; at most 1, 0 for predicting the mean. Constant labels give 1 for perfect predictions and else 0; fewer than two rows NULL. Rows with a NULL label or prediction are left out; no rows give NULL. Sums are exact: any order of rows gives the same bits. Error: 22023 for NaN and infinite values.';

CREATE AGGREGATE mlops.r2(label float8, prediction float8, weight float8) (
	SFUNC = mlops.performance_add_value, STYPE = mlops.performance, FINALFUNC = mlops.performance_r2,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.r2(float8, float8, float8) IS
'r2(label, prediction). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

-- all metrics at once, to be stored and merged

CREATE AGGREGATE mlops.performance(label "any", prediction text) (
	SFUNC = mlops.performance_add_class, STYPE = mlops.performance, FINALFUNC = mlops.performance_final,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.performance("any", text) IS
'Labels by predicted classes as one value that merges: mlops.performance_merge rolls days up to months, mlops.metrics reads it. At most 256 classes. Rows with a NULL label or prediction are left out; no rows give NULL. Error: 54000 for more classes.';

CREATE AGGREGATE mlops.performance(label "any", prediction text, weight float8) (
	SFUNC = mlops.performance_add_class, STYPE = mlops.performance, FINALFUNC = mlops.performance_final,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.performance("any", text, float8) IS
'performance(label, prediction) of classes. Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.performance(label "any", prediction "any", score float8, positive text) (
	SFUNC = mlops.performance_add_binary, STYPE = mlops.performance, FINALFUNC = mlops.performance_final,
	SSPACE = 8700, COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.performance("any", "any", float8, text) IS
'Two classes with scores as one value that merges: label and predicted class, probability of the class positive (NULL positive: true/false or 1/0). Rows with a NULL score count for the metrics of classes only. Error: 22023 for a score outside of 0 to 1. Rows with a NULL label or prediction are left out; no rows give NULL.';

CREATE AGGREGATE mlops.performance(label "any", prediction "any", score float8, positive text, weight float8) (
	SFUNC = mlops.performance_add_binary, STYPE = mlops.performance, FINALFUNC = mlops.performance_final,
	SSPACE = 8700, COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.performance("any", "any", float8, text, float8) IS
'performance(label, prediction, score, positive). Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.performance(label float8, prediction float8) (
	SFUNC = mlops.performance_add_regression, STYPE = mlops.performance, FINALFUNC = mlops.performance_final,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.performance(float8, float8) IS
'Numbers and their predictions as one value that merges. Rows with a NULL label or prediction are left out; no rows give NULL. Error: 22023 for NaN and infinite values.';

CREATE AGGREGATE mlops.performance(label float8, prediction float8, weight float8) (
	SFUNC = mlops.performance_add_regression, STYPE = mlops.performance, FINALFUNC = mlops.performance_final,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.performance(float8, float8, float8) IS
'performance(label, prediction) of numbers. Weighted by weight, a number of 0 or more; rows whose weight is NULL are left out.';

CREATE AGGREGATE mlops.performance_merge(performance mlops.performance) (
	SFUNC = mlops.performance_combine, STYPE = mlops.performance, FINALFUNC = mlops.performance_final,
	COMBINEFUNC = mlops.performance_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.performance_merge(mlops.performance) IS
'Performance of all rows behind several values of mlops.performance, bit for bit that of an aggregate over the rows themselves. NULLs are left out; none gives NULL. Error: 22023 for values of different kinds.';

CREATE FUNCTION mlops.metrics(performance mlops.performance)
	RETURNS TABLE (metric text, value float8, std_error float8, n bigint)
	AS 'MODULE_PATHNAME', 'mlops_sql_metrics' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	ROWS 12;
COMMENT ON FUNCTION mlops.metrics(mlops.performance) IS
'The metrics of a performance, one row each, under the names of table mlops.metric: classes give accuracy, balanced_accuracy, precision_macro, recall_macro, f1_macro, f1_weighted, matthews_corrcoef; two classes with scores accuracy, balanced_accuracy, precision, recall, specificity, f1, matthews_corrcoef, log_loss, brier_score, calibration_error, and from bins roc_auc and average_precision; numbers mse, rmse, mae, mape, r2. value is NULL where not defined; std_error is that of the infinitesimal jackknife, NULL with weights, for r2 and for matthews_corrcoef; n is the number of rows.';
