/*-------------------------------------------------------------------------
 *
 * name.c
 *	  Names of models, aliases and rights, and references to versions.
 *
 * First step of everything that takes a reference.  Takes no locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "tcop/utility.h"

#include "registry/registry.h"

#define MODEL_NAME_MAX 128
#define ALIAS_MAX 63

static const char *const privilege_names[] = {"predict", "read", "own"};

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
match_model_name(const char *name)
{
	size_t		length = strlen(name);

	if (length > MODEL_NAME_MAX || !is_letter(name[0]))
		return false;
	for (size_t i = 1; i < length; i++)
		if (!is_letter(name[i]) && !is_digit(name[i]) && name[i] != '.' && name[i] != '-')
			return false;
	return true;
}

static bool
match_alias(const char *alias)
{
	size_t		length = strlen(alias);
	bool		looks_like_version = alias[0] == 'v' && length > 1;

	if (length > ALIAS_MAX || !is_lower(alias[0]) || strcmp(alias, "latest") == 0)
		return false;
	for (size_t i = 1; i < length; i++)
	{
		if (!is_lower(alias[i]) && !is_digit(alias[i]) && alias[i] != '_' && alias[i] != '-')
			return false;
		looks_like_version = looks_like_version && is_digit(alias[i]);
	}
	return !looks_like_version;
}

/* Number of a version, written without sign or leading zeros; 0 for any other text. */
static int
parse_version(const char *digits)
{
	int			version = 0;

	if (*digits == '0')
		return 0;
	for (; *digits != '\0'; digits++)
	{
		if (!is_digit(*digits) || version > (INT_MAX - (*digits - '0')) / 10)
			return 0;
		version = version * 10 + (*digits - '0');
	}
	return version;
}

void
mlops_registry_check_model_name(const char *name)
{
	if (!match_model_name(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid model name \"%s\"", name),
				 errhint("A name starts with a letter or underscore, goes on with letters, digits, \"_\", \".\" and \"-\", and has at most %d characters.",
						 MODEL_NAME_MAX)));
}

void
mlops_registry_check_alias(const char *alias)
{
	if (!match_alias(alias))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid alias \"%s\"", alias),
				 errhint("An alias starts with a lower-case letter, goes on with lower-case letters, digits, \"_\" and \"-\", has at most %d characters, and is neither \"latest\" nor \"v\" with a number.",
						 ALIAS_MAX)));
}

bool
mlops_registry_try_parse_reference(const char *reference, ModelReference *parsed)
{
	size_t		length = strcspn(reference, "@/");
	const char *rest = reference + length;
	bool		valid;

	parsed->model = pnstrdup(reference, length);
	parsed->alias = NULL;
	parsed->version = 0;
	if (*rest == '/')
	{
		parsed->version = parse_version(rest + 1);
		valid = parsed->version > 0;
	}
	else
	{
		parsed->alias = pstrdup(*rest == '@' ? rest + 1 : "champion");
		valid = match_alias(parsed->alias);
	}
	return valid && match_model_name(parsed->model);
}

void
mlops_registry_parse_reference(const char *reference, ModelReference *parsed)
{
	if (!mlops_registry_try_parse_reference(reference, parsed))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid model reference \"%s\"", reference),
				 errhint("Write a model as name, name@alias or name/version.")));
}

ModelPrivilege
mlops_registry_privilege_from_name(const char *name)
{
	for (int i = 0; i < lengthof(privilege_names); i++)
		if (strcmp(name, privilege_names[i]) == 0)
			return (ModelPrivilege) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid privilege \"%s\"", name),
			 errhint("Use predict, read or own; each includes the ones before it.")));
}

const char *
mlops_registry_privilege_name(ModelPrivilege privilege)
{
	return privilege_names[privilege];
}

void
mlops_registry_require_writable(const char *function)
{
	PreventCommandIfReadOnly(psprintf("%s()", function));
	PreventCommandIfParallelMode(psprintf("%s()", function));
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot execute %s() within a security-restricted operation", function),
				 errhint("Call it from a plain statement, not from a materialized view or an index expression.")));
}
