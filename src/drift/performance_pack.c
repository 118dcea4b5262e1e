/*-------------------------------------------------------------------------
 *
 * performance_pack.c
 *	  A settled performance state as few bytes: for its text, for the network,
 *	  and for the changes that a monitor collects.
 *
 *	 format u8 | parts | average | is_weighted | n_rows | n_scored
 *		| low, n of both windows | labels | limbs
 *
 * Numbers are of seven bits a byte, the lowest first; those with a sign have it
 * in bit 0.  Labels: their number, then length and bytes of each.  Limbs: the
 * number of those that are not 0, then the zeros before each, and the limb.
 *
 *-------------------------------------------------------------------------
 */
#include "base/wire.h"
#include "drift/performance_image.h"

/* Bytes of a number at most. */
#define NUMBER_MAX 10

static void
write_number(WireWriter *writer, uint64_t value)
{
	uint8_t		bytes[NUMBER_MAX];
	int			n = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (uint8_t) (value | 0x80);
	bytes[n++] = (uint8_t) value;
	mlops_wire_write_bytes(writer, bytes, n);
}

static void
write_signed(WireWriter *writer, int64_t value)
{
	write_number(writer, (uint64_t) value << 1 ^ (uint64_t) (value >> 63));
}

/* A number has one form only: no zero byte at its end. */
static uint64_t
read_number(WireReader *reader, uint64_t max)
{
	uint64_t	value = 0;

	for (int i = 0; i < NUMBER_MAX; i++)
	{
		const uint8_t *byte = mlops_wire_read_bytes(reader, 1);

		if (byte == NULL)
			return 0;
		if ((i == NUMBER_MAX - 1 && *byte > 1) || (i > 0 && *byte == 0))
			break;
		value |= (uint64_t) (*byte & 0x7f) << (7 * i);
		if (*byte < 0x80)
		{
			if (value > max)
				break;
			return value;
		}
	}
	reader->failed = true;
	return 0;
}

static int64_t
read_signed(WireReader *reader)
{
	uint64_t	value = read_number(reader, UINT64_MAX);

	return (int64_t) (value >> 1 ^ -(value & 1));
}

static ExactWindow
read_window(WireReader *reader)
{
	int64_t		low = read_signed(reader);
	uint64_t	n = read_number(reader, EXACT_HIGHEST - EXACT_LOWEST + 1);

	if (low < EXACT_LOWEST || low > EXACT_HIGHEST)
		reader->failed = true;
	return (ExactWindow)
	{
		reader->failed ? 0 : (int16_t) low, (int16_t) n
	};
}

static size_t
count_limbs(const Performance *p)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);

	return layout.n_counts * p->count_window.n + layout.n_sums * p->sum_window.n;
}

size_t
mlops_performance_packed_max(const Performance *p)
{
	return NUMBER_MAX * (12 + p->n_classes + 2 * count_limbs(p)) + p->label_bytes;
}

size_t
mlops_performance_pack(const Performance *p, uint8_t *bytes)
{
	size_t		n = count_limbs(p);
	size_t		n_used = 0;
	size_t		zeros = 0;
	WireWriter	writer;

	mlops_wire_write_init(&writer, bytes, mlops_performance_packed_max(p));
	write_number(&writer, p->format);
	write_number(&writer, p->parts);
	write_number(&writer, p->average);
	write_number(&writer, p->is_weighted);
	write_signed(&writer, p->n_rows);
	write_signed(&writer, p->n_scored);
	write_signed(&writer, p->count_window.low);
	write_number(&writer, p->count_window.n);
	write_signed(&writer, p->sum_window.low);
	write_number(&writer, p->sum_window.n);
	write_number(&writer, p->n_classes);
	for (int i = 0; i < p->n_classes; i++)
	{
		size_t		length;
		const char *label = mlops_performance_label(p, i, &length);

		write_number(&writer, length);
		mlops_wire_write_bytes(&writer, label, length);
	}
	for (size_t i = 0; i < n; i++)
		n_used += p->limb[i] != 0;
	write_number(&writer, n_used);
	for (size_t i = 0; i < n; i++)
	{
		if (p->limb[i] == 0)
		{
			zeros++;
			continue;
		}
		write_number(&writer, zeros);
		write_signed(&writer, p->limb[i]);
		zeros = 0;
	}
	return (size_t) (writer.next - bytes);
}

/* Header and labels; the latter are only measured. */
static bool
read_header(WireReader *reader, Performance *p, const uint8_t **labels, const char **why)
{
	memset(p, 0, sizeof(*p));
	*why = "bytes end early or hold a number out of range";
	p->magic = PERFORMANCE_MAGIC;
	p->format = (uint16_t) read_number(reader, UINT16_MAX);
	if (!reader->failed && p->format != PERFORMANCE_FORMAT)
	{
		*why = "format version";
		return false;
	}
	p->parts = (uint16_t) read_number(reader, PERFORMANCE_ALL_PARTS);
	p->average = (uint8_t) read_number(reader, AVERAGE_WEIGHTED);
	p->is_weighted = (uint8_t) read_number(reader, 1);
	p->n_rows = read_signed(reader);
	p->n_scored = read_signed(reader);
	p->count_window = read_window(reader);
	p->sum_window = read_window(reader);
	p->n_classes = (uint16_t) read_number(reader, PERFORMANCE_MAX_CLASSES);
	*labels = reader->next;
	for (int i = 0; i < p->n_classes && !reader->failed; i++)
	{
		uint64_t	length = read_number(reader, PERFORMANCE_MAX_LABEL_BYTES - p->label_bytes);

		p->label_bytes += (uint32_t) length;
		mlops_wire_read_bytes(reader, length);
	}
	return !reader->failed && mlops_performance_check_header(p, why);
}

size_t
mlops_performance_unpacked_size(const uint8_t *bytes, size_t size, const char **why)
{
	WireReader	reader;
	Performance header;
	const uint8_t *labels;

	mlops_wire_read_init(&reader, bytes, size);
	if (!read_header(&reader, &header, &labels, why))
		return 0;
	return mlops_performance_image_size(header.parts, header.n_classes, header.label_bytes,
										header.count_window, header.sum_window);
}

static void
read_labels(const uint8_t *labels, const uint8_t *end, Performance *p)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);
	uint32_t   *label_end = mlops_performance_label_ends(p, &layout);
	char	   *bytes = (char *) (label_end + p->n_classes);
	uint32_t	written = 0;
	WireReader	reader;

	mlops_wire_read_init(&reader, labels, end - labels);
	for (int i = 0; i < p->n_classes; i++)
	{
		size_t		length = read_number(&reader, PERFORMANCE_MAX_LABEL_BYTES);
		const uint8_t *label = mlops_wire_read_bytes(&reader, length);

		if (length > 0)
			memcpy(bytes + written, label, length);
		written += (uint32_t) length;
		label_end[i] = written;
	}
}

bool
mlops_performance_unpack(const uint8_t *bytes, size_t size, Performance *into, const char **why)
{
	WireReader	reader;
	const uint8_t *labels;
	size_t		n;
	size_t		n_used;
	size_t		i = 0;
	size_t		image_size = mlops_performance_unpacked_size(bytes, size, why);

	if (image_size == 0)
		return false;
	mlops_wire_read_init(&reader, bytes, size);
	memset(into, 0, image_size);
	read_header(&reader, into, &labels, why);
	into->size = (uint32_t) image_size;
	read_labels(labels, reader.end, into);

	*why = "bytes end early or hold a number out of range";
	n = count_limbs(into);
	n_used = read_number(&reader, n);
	for (; n_used > 0 && !reader.failed; n_used--)
	{
		i += read_number(&reader, n - i);
		if (reader.failed || i >= n)
			return false;
		into->limb[i] = read_signed(&reader);
		if (into->limb[i++] == 0)
			return false;
	}
	if (reader.failed)
		return false;
	if (reader.next != reader.end)
	{
		*why = "bytes follow the end";
		return false;
	}
	return mlops_performance_check_body(into, why);
}
