// Package config is Belfry's one YAML file: its settings, their defaults, and
// the refusal of whatever is wrong in it with file, line, key and what would be
// right. Other packages take their options from it; it knows none of them.
//
// Secrets are never written into the file: of a token only its hash is needed,
// and that may stand in the file (hash), in another file (hash_file) or in an
// environment variable (hash_env). Nothing else is taken from the environment,
// and ${NAME} means just these characters.
package config
