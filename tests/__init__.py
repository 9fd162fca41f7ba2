"""The tests of sftcore; a package, so that its modules can share helpers by name."""
