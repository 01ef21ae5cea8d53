/* SPDX-License-Identifier: Apache-2.0 */
#include "payload.h"

#include <errno.h>

#include "json.h"
#include "transport.h"

/* Room for what is put in front. */
static int start(struct snp_buf *buf, size_t head)
{
	snp_buf_reset(buf);
	if (head > 0 && !snp_buf_reserve(buf, head))
		return -ENOMEM;
	snp_buf_commit(buf, head);
	return 0;
}

static int encode_protobuf(const ProtobufCMessage *message, struct snp_buf *out)
{
	const size_t size = protobuf_c_message_get_packed_size(message);
	char *to;

	if (size > OTLP_REQUEST_MAX)
		return -EMSGSIZE;
	to = snp_buf_reserve(out, size);
	if (!to)
		return -ENOMEM;
	snp_buf_commit(out, protobuf_c_message_pack(message, (uint8_t *)to));
	return 0;
}

static int encode_json(const ProtobufCMessage *message, struct snp_buf *out)
{
	const size_t before = out->len;
	int rc = otlp_json_write(message, out);

	if (rc < 0)
		return rc;
	return out->len - before > OTLP_REQUEST_MAX ? -EMSGSIZE : 0;
}

static int compress(struct otlp_payload *payload, size_t head)
{
	int rc = start(&payload->packed, head);

	if (rc == 0 && !payload->gzip)
		rc = snp_gzip_create(&payload->gzip);
	if (rc < 0)
		return rc;
	snp_gzip_append(payload->gzip, payload->plain.data + head,
			payload->plain.len - head, &payload->packed);
	return payload->packed.failed ? -ENOMEM : 0;
}

int otlp_payload_make(struct otlp_payload *payload, const struct otlp_batch *batch,
		      const struct otlp_endpoint *endpoint, size_t head,
		      struct snp_buf **ret_bytes)
{
	const bool is_json = endpoint->protocol == OTLP_HTTP_JSON;
	struct snp_buf *bytes = &payload->plain;
	int rc = start(bytes, head);

	if (rc == 0)
		rc = is_json ? encode_json(batch->request, bytes)
			     : encode_protobuf(batch->request, bytes);
	if (rc == 0 && endpoint->compression == OTLP_GZIP) {
		rc = compress(payload, head);
		bytes = &payload->packed;
	}
	if (rc == 0)
		*ret_bytes = bytes;
	return rc;
}

void otlp_payload_fini(struct otlp_payload *payload)
{
	snp_buf_fini(&payload->plain);
	snp_buf_fini(&payload->packed);
	snp_gzip_destroy(&payload->gzip);
}
