/*-------------------------------------------------------------------------
 *
 * tables.h
 *	  Column numbers of our tables, for index scans.
 *
 * They follow sql/parts/30_registry_tables.sql; an upgrade script may only
 * append columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TABLES_H
#define MLOPS_TABLES_H

enum
{
	Anum_model_name = 1,
	Anum_model_owner
};

enum
{
	Anum_model_privilege_model = 1,
	Anum_model_privilege_role,
	Anum_model_privilege_privilege
};

enum
{
	Anum_model_version_model = 1,
	Anum_model_version_version,
	Anum_model_version_digest,
	Anum_model_version_format,
	Anum_model_version_size,
	Anum_model_version_library_version,
	Anum_model_version_booster,
	Anum_model_version_objective,
	Anum_model_version_task,
	Anum_model_version_classes,
	Anum_model_version_signature,
	Anum_model_version_threshold,
	Anum_model_version_recipe,
	Anum_model_version_params,
	Anum_model_version_run_id,
	Anum_model_version_dataset_id,
	Anum_model_version_parent_version,
	Anum_model_version_refit,
	Anum_model_version_description,
	Anum_model_version_tags,
	Anum_model_version_created_by,
	Anum_model_version_created_at,
	Anum_model_version_deleted_at,
	Anum_model_version_deleted_by,
	Anum_model_version_delete_reason,
	Anum_model_version_n_trees
};

enum
{
	Anum_alias_model = 1,
	Anum_alias_alias,
	Anum_alias_version,
	Anum_alias_owner
};

enum
{
	Anum_model_blob_digest = 1,
	Anum_model_blob_bytes
};

enum
{
	Anum_model_calibration_model = 1,
	Anum_model_calibration_version,
	Anum_model_calibration_dataset,
	Anum_model_calibration_n,
	Anum_model_calibration_score,
	Anum_model_calibration_probability
};

enum
{
	Anum_run_id = 1,
	Anum_run_kind,
	Anum_run_model,
	Anum_run_version,
	Anum_run_status,
	Anum_run_attempt,
	Anum_run_recipe,
	Anum_run_parent_version,
	Anum_run_dataset_id,
	Anum_run_submitted_by
};

#endif							/* MLOPS_TABLES_H */
