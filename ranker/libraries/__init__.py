"""From a library of papers that a person has read to a profile: clustered into fields, named by their own terms."""

from ranker.libraries.profile import profile_from_library

__all__ = ["profile_from_library"]
