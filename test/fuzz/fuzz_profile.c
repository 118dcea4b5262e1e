/*-------------------------------------------------------------------------
 *
 * fuzz_profile.c
 *	  Feed any bytes to the checks and parsers of profiles; use what they accept.
 *
 * The last byte says what the others are: a profile or a set, as image or as
 * text.  Sizes and digests of images are mended first, or few inputs would get
 * beyond them; half of the inputs are left as they are.
 *
 *-------------------------------------------------------------------------
 */
#include "profile_exercise.h"

#define MAX_INPUT 65536

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_image(void *bytes, size_t size, bool mend)
{
	const char *why;
	uint32_t	word = (uint32_t) size;

	if (mend && size >= 8)
		memcpy((char *) bytes + 4, &word, sizeof(word));
	if (mend ? accept_profile(bytes, size) : mlops_profile_check(bytes, size, &why))
		exercise_profile(bytes);
}

/* Mend digests from the last profile to that of the set, one for each refusal. */
static void
fuzz_set(void *bytes, size_t size, bool mend)
{
	const char *why;
	uint32_t	word = (uint32_t) size;
	ProfileSet *set = bytes;

	if (mend && size >= 8)
		memcpy((char *) bytes + 4, &word, sizeof(word));
	for (int i = 0; i <= 64; i++)
	{
		if (mlops_profile_set_check(set, size, &why))
		{
			exercise_set(set);
			return;
		}
		if (!mend || strcmp(why, "wrong digest") != 0)
			return;
		if (i < mlops_profile_set_count(set))
			mlops_profile_seal(mlops_profile_set_get(set, i));
		else
			mlops_profile_set_seal(set);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void	   *copy;
	int			what;

	if (size == 0 || size > MAX_INPUT)
		return 0;
	what = data[--size] % 8;
	copy = exercise_copy(data, size);
	if (what >= 6)
		exercise_any_set_text(copy, size);
	else if (what >= 4)
		exercise_any_text(copy, size);
	else if (what >= 2)
		fuzz_set(copy, size, what == 2);
	else
		fuzz_image(copy, size, what == 0);
	free(copy);
	return 0;
}
