/*-------------------------------------------------------------------------
 *
 * profile_set.h
 *	  Named profiles in one flat image: one per column of a row.
 *
 * Pure C like profile.h.  Entries keep the order in which they were put; names
 * are distinct.  The image is aligned to 8 bytes, and so is every profile in it;
 * its first four bytes belong to the server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROFILE_SET_H
#define MLOPS_PROFILE_SET_H

#include "drift/profile.h"

#define PROFILE_SET_MAX 1664	/* entries; as many as a row has columns at
								 * most */

typedef struct ProfileSet ProfileSet;

extern bool mlops_profile_set_check(const ProfileSet *set, size_t size, const char **why);
extern size_t mlops_profile_set_size(const ProfileSet *set);
extern int	mlops_profile_set_count(const ProfileSet *set);

/* Name of an entry, not terminated, and its profile. */
extern const char *mlops_profile_set_name(const ProfileSet *set, int i, size_t *length);
extern Profile *mlops_profile_set_get(const ProfileSet *set, int i);

/* Entry of that name; -1: none. */
extern int	mlops_profile_set_find(const ProfileSet *set, const char *name, size_t length);

extern ProfileSet *mlops_profile_set_clear(ProfileSet *set);

/* All or nothing; false when names or cells differ, or a count gets too large. */
extern bool mlops_profile_set_merge(ProfileSet *into, const ProfileSet *from);

/* Bits that sets with the same names and cells share. */
extern uint64_t mlops_profile_set_digest(const ProfileSet *set);

/*
 * Building: memory for mlops_profile_set_start_size(n) and every entry's size together,
 * entries put in order.
 */
extern size_t mlops_profile_set_start_size(int n);
extern size_t mlops_profile_set_entry_size(size_t name_length, size_t profile_size);
extern ProfileSet *mlops_profile_set_start(void *memory, int n);

/* Append an entry; returns room for its profile, which the caller fills before the seal. */
extern void *mlops_profile_set_put(ProfileSet *set, int i, const char *name, size_t length,
								   size_t profile_size);
extern void mlops_profile_set_seal(ProfileSet *set);

/* Text: one JSON object, name to profile; as for profiles. */
extern size_t mlops_profile_set_print(const ProfileSet *set, char *buffer, size_t capacity);
extern size_t mlops_profile_set_parse(const char **text, const char *end, void *memory,
									  const char **why);

#endif							/* MLOPS_PROFILE_SET_H */
