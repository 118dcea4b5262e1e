/*-------------------------------------------------------------------------
 *
 * traffic.c
 *	  Which alias of a model answers for a key, and which is tried on it.
 *
 * Each arm draws a time for the key, exponential with its share as the rate, and
 * the first one answers: so arms get keys by their shares, a key stays with its
 * arm, and an arm whose share rises among the others only gains keys.  The draw is
 * a hash of model, alias and key, apart from that which splits training rows.
 *
 * Locks: setting it holds the rows of the model's aliases.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "registry/probe.h"
#include "registry/registry.h"
#include "serve/traffic.h"

/* Column numbers of mlops.traffic. */
enum
{
	Anum_traffic_model = 1,
	Anum_traffic_alias,
	Anum_traffic_share,
	Anum_traffic_shadow
};

/* Seeds of the two draws. */
#define ROUTE_SEED UINT64CONST(0x726f757465)
#define SHADOW_SEED UINT64CONST(0x736861646f77)

#define DEFAULT_ALIAS "champion"
#define SUM_TOLERANCE 1e-6

/* Whether nothing was ever set, which spares the usual prediction a probe. */
static bool
is_empty(void)
{
	Relation	rel = table_open(mlops_relation("traffic"), AccessShareLock);
	bool		empty = RelationGetNumberOfBlocks(rel) == 0;

	table_close(rel, AccessShareLock);
	return empty;
}

Traffic *
mlops_traffic_find(const char *model)
{
	Traffic    *traffic = palloc0(sizeof(Traffic));
	int			n_allocated = 4;
	Probe		probe;
	ScanKeyData key;

	if (is_empty())
		return traffic;
	traffic->arms = palloc(n_allocated * sizeof(Arm));
	mlops_probe_text_key(&key, Anum_traffic_model, model);
	mlops_probe_begin(&probe, "traffic", "traffic_pkey", 1, &key);
	while (mlops_probe_fetch(&probe))
	{
		Arm		   *arm;

		if (traffic->n_arms == n_allocated)
			traffic->arms = repalloc(traffic->arms, (n_allocated *= 2) * sizeof(Arm));
		arm = &traffic->arms[traffic->n_arms++];
		arm->alias = TextDatumGetCString(mlops_probe_filled_column(&probe, Anum_traffic_alias));
		arm->share = DatumGetFloat8(mlops_probe_filled_column(&probe, Anum_traffic_share));
		arm->shadow = DatumGetFloat8(mlops_probe_filled_column(&probe, Anum_traffic_shadow));
	}
	mlops_probe_end(&probe);
	return traffic;
}

/* A number within (0, 1) that follows from model, alias and key. */
static double
draw(uint64 seed, const char *model, const char *alias, const text *key)
{
	uint64		hash = seed;

	hash = hash_bytes_extended((const unsigned char *) model, strlen(model), hash);
	hash = hash_bytes_extended((const unsigned char *) alias, strlen(alias), hash);
	hash = hash_bytes_extended((const unsigned char *) VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key), hash);
	return ((hash >> 11) + 0.5) / (double) (UINT64CONST(1) << 53);
}

const char *
mlops_traffic_route(const Traffic *traffic, const char *model, const text *key)
{
	const char *first = DEFAULT_ALIAS;
	double		first_time = INFINITY;

	for (int i = 0; key != NULL && i < traffic->n_arms; i++)
	{
		const Arm  *arm = &traffic->arms[i];
		double		time;

		if (arm->share == 0)
			continue;
		time = -log(draw(ROUTE_SEED, model, arm->alias, key)) / arm->share;
		if (time < first_time)
		{
			first = arm->alias;
			first_time = time;
		}
	}
	return first;
}

bool
mlops_traffic_is_tried(const Arm *arm, const char *model, const text *key)
{
	return key != NULL && draw(SHADOW_SEED, model, arm->alias, key) < arm->shadow;
}

static Arm *
add_arm(Traffic *traffic, const char *alias)
{
	for (int i = 0; i < traffic->n_arms; i++)
		if (strcmp(traffic->arms[i].alias, alias) == 0)
			return &traffic->arms[i];
	traffic->arms = traffic->n_arms == 0 ? palloc(sizeof(Arm)) :
		repalloc(traffic->arms, (traffic->n_arms + 1) * sizeof(Arm));
	traffic->arms[traffic->n_arms] = (Arm)
	{
		pstrdup(alias), 0, 0
	};
	return &traffic->arms[traffic->n_arms++];
}

/* Read {"alias": share, ...}; argument is its name.  Returns the sum. */
static double
read_shares(Traffic *traffic, Jsonb *shares, const char *argument, bool is_shadow)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	Arm		   *arm = NULL;
	double		sum = 0;

	if (!JB_ROOT_IS_OBJECT(shares))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be an object of aliases and shares", argument),
				 errhint("Write {\"champion\": 0.9, \"challenger\": 0.1}.")));
	iterator = JsonbIteratorInit(&shares->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		double		share = NAN;

		if (token == WJB_KEY)
			arm = add_arm(traffic, pnstrdup(value.val.string.val, value.val.string.len));
		if (token != WJB_VALUE)
			continue;
		if (value.type == jbvNumeric)
			share = DatumGetFloat8(DirectFunctionCall1(numeric_float8,
													   NumericGetDatum(value.val.numeric)));
		if (!(share >= 0 && share <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the share of alias \"%s\" must be a number from 0 to 1", arm->alias),
					 errhint("Write {\"champion\": 0.9, \"challenger\": 0.1}.")));
		if (is_shadow)
			arm->shadow = share;
		else
			arm->share = share;
		sum += share;
	}
	return sum;
}

/* Lock the aliases of the model, and make sure that it has those of the arms. */
static void
lock_aliases(const SpiScope *scope, const char *model, const Traffic *traffic)
{
	SpiArgs		args = {0};
	uint64		n;

	mlops_args_add_text(&args, model);
	n = mlops_spi_run(scope,
					  "SELECT alias FROM mlops.alias WHERE model = $1 ORDER BY alias FOR NO KEY UPDATE",
					  &args);
	for (int i = 0; i < traffic->n_arms; i++)
	{
		bool		found = false;

		for (uint64 row = 0; row < n && !found; row++)
			found = strcmp(mlops_spi_text(row, 1), traffic->arms[i].alias) == 0;
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
					 errmsg("model \"%s\" has no alias \"%s\"", model, traffic->arms[i].alias),
					 errhint("Set one with mlops.set_alias.")));
	}
}

static void
write_arms(const SpiScope *scope, const char *model, const Traffic *traffic, Oid user,
		   const char *reason)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, model);
	(void) mlops_spi_run(scope, "DELETE FROM mlops.traffic WHERE model = $1", &args);
	for (int i = 0; i < traffic->n_arms; i++)
	{
		args.n = 1;
		mlops_args_add_text(&args, traffic->arms[i].alias);
		mlops_args_add(&args, FLOAT8OID, Float8GetDatum(traffic->arms[i].share), false);
		mlops_args_add(&args, FLOAT8OID, Float8GetDatum(traffic->arms[i].shadow), false);
		mlops_args_add_role(&args, user);
		mlops_args_add_text(&args, reason);
		(void) mlops_spi_run(scope,
							 "INSERT INTO mlops.traffic (model, alias, share, shadow, updated_by, reason)"
							 " VALUES ($1, $2, $3, $4, $5, $6)", &args);
	}
}

void
mlops_traffic_set(const char *model, Jsonb *split, Jsonb *shadow, const char *reason)
{
	Oid			user = GetUserId();
	Traffic		traffic = {0};
	SpiScope	scope;

	mlops_registry_require_writable("set_traffic");
	mlops_registry_check_model_name(model);
	mlops_registry_require(model, MODEL_OWN);
	if (split != NULL && fabs(read_shares(&traffic, split, "split", false) - 1) > SUM_TOLERANCE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the shares of split must add up to 1"),
				 errhint("Leave split out for all of the traffic to %s.", DEFAULT_ALIAS)));
	if (shadow != NULL)
		(void) read_shares(&traffic, shadow, "shadow", true);

	mlops_spi_begin(&scope, false);
	lock_aliases(&scope, model, &traffic);
	write_arms(&scope, model, &traffic, user, reason);
	mlops_spi_end(&scope);
}
