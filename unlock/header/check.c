// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/check.h"

#include "header/identity.h"
#include "header/load.h"
#include "header/seal.h"
#include "lib/exitcode.h"

static int check_form(struct header *header, struct crypt_device *cd, unsigned int terms,
		      struct fault *fault)
{
	int r;

	header->step = HEADER_FORM;
	r = document_take(cd, &header->document, fault);
	return r ? r : policy_check(header->document, terms, &header->layout, fault);
}

int header_read(struct header *header, const struct header_source *source, struct fault *fault)
{
	int r;

	header->step = HEADER_LOAD;
	r = header_load_detached(&header->cd, source->name, source->file, source->device, fault);
	return r ? r : check_form(header, header->cd, source->terms, fault);
}

int header_take(struct header *header, struct crypt_device *cd, unsigned int terms,
		struct fault *fault)
{
	return check_form(header, cd, terms, fault);
}

/* Without a seal, the header itself says which key slot is for the secret; any, if it says nothing. */
static int choose_unsealed(struct header *header, const char *uuid, struct fault *fault)
{
	int id = token_find(header->document, uuid, 0);

	header->token = (struct token){ .slot = CRYPT_ANY_SLOT };
	if (id < 0)
		return EXIT_OPENED;
	return token_read(header->document, id, &header->token, fault) < 0 ? EXIT_HEADER :
									     EXIT_OPENED;
}

int header_check(struct header *header, const struct header_wanted *wanted,
		 const struct secret *secret, struct fault *fault)
{
	const struct volume *volume = wanted->volume;
	int r = 0;

	header->step = HEADER_SIGNATURE;
	if (wanted->anchors)
		r = signature_check(header->document, wanted->anchors, header->owner, fault);
	if (r)
		return r;
	header->step = HEADER_SEAL;
	if (volume && volume->options & VOLUME_UNSEALED)
		r = choose_unsealed(header, wanted->secret, fault);
	else
		r = seal_check(header->document, wanted->secret, secret, &header->token, fault);
	if (r || !volume)
		return r;
	header->step = HEADER_IDENTITY;
	return identity_check(header->document, &header->token, volume, fault);
}

void header_free(struct header *header)
{
	document_free(&header->document);
	header_unload(&header->cd);
	*header = (struct header){ 0 };
}
