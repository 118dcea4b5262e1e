/*-------------------------------------------------------------------------
 *
 * profile_set.c
 *	  Named profiles in one flat image.
 *
 *	  header, offsets[n + 1] of the entries, zeros up to a multiple of 8
 *	  entry: length of the name, its bytes, zeros up to a multiple of 8, profile
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "drift/profile_set.h"

struct ProfileSet
{
	uint32_t	length_word;	/* the server's */
	uint32_t	size;
	uint32_t	format;
	uint32_t	n;
	uint64_t	digest;			/* of names and cells */
	uint32_t	offsets[];
};

static size_t
align(size_t size)
{
	return (size + 7) / 8 * 8;
}

size_t
mlops_profile_set_start_size(int n)
{
	return align(sizeof(ProfileSet) + sizeof(uint32_t) * (n + 1));
}

size_t
mlops_profile_set_entry_size(size_t name_length, size_t profile_size)
{
	return align(sizeof(uint32_t) + name_length) + profile_size;
}

ProfileSet *
mlops_profile_set_start(void *memory, int n)
{
	ProfileSet *set = memory;

	memset(set, 0, mlops_profile_set_start_size(n));
	set->format = PROFILE_FORMAT;
	set->n = n;
	set->size = set->offsets[0] = mlops_profile_set_start_size(n);
	return set;
}

void *
mlops_profile_set_put(ProfileSet *set, int i, const char *name, size_t length, size_t profile_size)
{
	char	   *entry = (char *) set + set->offsets[i];
	size_t		before = align(sizeof(uint32_t) + length);
	uint32_t	word = (uint32_t) length;

	memset(entry, 0, before);
	memcpy(entry, &word, sizeof(word));
	memcpy(entry + sizeof(word), name, length);
	set->size = set->offsets[i + 1] = set->offsets[i] + before + profile_size;
	return entry + before;
}

static uint64_t
compute_digest(const ProfileSet *set)
{
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);

	for (int i = 0; i < set->n; i++)
	{
		size_t		length;
		const char *name = mlops_profile_set_name(set, i, &length);

		for (size_t j = 0; j < length; j++)
			hash = (hash ^ (uint8_t) name[j]) * UINT64_C(0x100000001b3);
		hash = (hash ^ length ^ mlops_profile_digest(mlops_profile_set_get(set, i))) * UINT64_C(0x100000001b3);
	}
	return hash ^ hash >> 32;
}

void
mlops_profile_set_seal(ProfileSet *set)
{
	set->digest = compute_digest(set);
}

uint64_t
mlops_profile_set_digest(const ProfileSet *set)
{
	return set->digest;
}

size_t
mlops_profile_set_size(const ProfileSet *set)
{
	return set->size;
}

int
mlops_profile_set_count(const ProfileSet *set)
{
	return set->n;
}

const char *
mlops_profile_set_name(const ProfileSet *set, int i, size_t *length)
{
	const char *entry = (const char *) set + set->offsets[i];
	uint32_t	word;

	memcpy(&word, entry, sizeof(word));
	*length = word;
	return entry + sizeof(word);
}

Profile *
mlops_profile_set_get(const ProfileSet *set, int i)
{
	size_t		length;

	mlops_profile_set_name(set, i, &length);
	return (Profile *) ((char *) set + set->offsets[i] + align(sizeof(uint32_t) + length));
}

int
mlops_profile_set_find(const ProfileSet *set, const char *name, size_t length)
{
	for (int i = 0; i < set->n; i++)
	{
		size_t		ours_length;
		const char *ours = mlops_profile_set_name(set, i, &ours_length);

		if (ours_length == length && memcmp(ours, name, length) == 0)
			return i;
	}
	return -1;
}

/* An entry between two offsets that are in order and aligned. */
static bool
check_entry(const ProfileSet *set, int i, const char **why)
{
	size_t		size = set->offsets[i + 1] - set->offsets[i];
	size_t		length;
	const char *name;
	size_t		before;

	*why = "a name is empty, too long or used twice";
	if (size < 2 * sizeof(uint32_t))
		return false;
	name = mlops_profile_set_name(set, i, &length);
	before = align(sizeof(uint32_t) + length);
	if (length == 0 || length > PROFILE_MAX_LABEL || before > size || memchr(name, 0, length) != NULL)
		return false;
	for (const char *next = name + length; next < (const char *) set + set->offsets[i] + before; next++)
		if (*next != 0)
			return false;
	if (mlops_profile_set_find(set, name, length) != i)
		return false;
	return mlops_profile_check(mlops_profile_set_get(set, i), size - before, why);
}

bool
mlops_profile_set_check(const ProfileSet *set, size_t size, const char **why)
{
	*why = "too short";
	if (size < sizeof(ProfileSet) || size > UINT32_MAX || set->size != size)
		return false;
	*why = "another format";
	if (set->format != PROFILE_FORMAT)
		return false;
	*why = "too many entries";
	if (set->n > PROFILE_SET_MAX)
		return false;
	*why = "offsets are not in order";
	if (size < mlops_profile_set_start_size(set->n) ||
		set->offsets[0] != mlops_profile_set_start_size(set->n) || set->offsets[set->n] != size)
		return false;
	for (int i = 0; i < set->n; i++)
		if (set->offsets[i + 1] < set->offsets[i] || set->offsets[i] % 8 != 0)
			return false;
	if (set->n % 2 == 0 && set->offsets[set->n + 1] != 0)	/* padding */
		return false;
	for (int i = 0; i < set->n; i++)
		if (!check_entry(set, i, why))
			return false;
	*why = "wrong digest";
	return set->digest == compute_digest(set);
}

ProfileSet *
mlops_profile_set_clear(ProfileSet *set)
{
	for (int i = 0; i < set->n; i++)
		mlops_profile_clear(mlops_profile_set_get(set, i));
	return set;
}

/* Whether names and cells agree: all of both images but what is counted. */
static bool
has_same_shape(const ProfileSet *a, const ProfileSet *b)
{
	if (a->digest != b->digest || a->size != b->size || a->n != b->n ||
		memcmp(a->offsets, b->offsets, sizeof(uint32_t) * (a->n + 1)) != 0)
		return false;
	for (int i = 0; i < a->n; i++)
	{
		size_t		a_length;
		size_t		b_length;
		const char *a_name = mlops_profile_set_name(a, i, &a_length);
		const char *b_name = mlops_profile_set_name(b, i, &b_length);

		if (a_length != b_length || memcmp(a_name, b_name, a_length) != 0 ||
			!mlops_profile_same_cells(mlops_profile_set_get(a, i), mlops_profile_set_get(b, i)))
			return false;
	}
	return true;
}

bool
mlops_profile_set_merge(ProfileSet *into, const ProfileSet *from)
{
	if (!has_same_shape(into, from))
		return false;
	for (int i = 0; i < into->n; i++)
		if (!mlops_profile_can_merge(mlops_profile_set_get(into, i), mlops_profile_set_get(from, i)))
			return false;
	for (int i = 0; i < into->n; i++)
		mlops_profile_merge(mlops_profile_set_get(into, i), mlops_profile_set_get(from, i));
	return true;
}
