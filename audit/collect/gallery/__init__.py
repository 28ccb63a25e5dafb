"""Download archives of galleries and social networks: an artist's pictures in one, and what it says of them."""

from audit.collect.gallery.archive import Archive, opened
from audit.collect.gallery.post import Post
from audit.collect.gallery.services import SERVICES, Service, read_posts, service_of

__all__ = ["SERVICES", "Archive", "Post", "Service", "opened", "read_posts", "service_of"]
