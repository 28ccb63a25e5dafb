"""A finished run as evidence: sealed, signed, stamped, checked. No torch.

source.py  contents.py   reads a run and refuses one that contradicts itself; what each profile holds
bundle.py  bag.py        writes the bundle; the BagIt format
layout.py                names of a bundle's files and labels
forms.py   sbom.py       texts for lawyers and strangers; CycloneDX
signing.py timestamps.py stamp.py   Ed25519; RFC 3161, offline unless an address is given
der.py replies.py paths.py   what a reply says, and the one way of certificates from its signer to a root
renewal.py revocation.py     stamps over stamps before these end; lists of revoked certificates
start.py                 the page to begin with
packed.py                a bundle as one zip
credentials.py           C2PA manifests in generated pictures, an extra
verify.py                every check of a bundle
adapters.py  forget.py   what becomes of trained add-ons, and of the store
privacy.py               what a bundle would disclose
"""
