// Package check looks at files as a starting Belfry would, without starting
// one: configurations with all that they refer to, rule and detector files, catalogs, and
// configurations of the pager. What a file is, it tells by its content, and by its
// name where that is belfry.yml.
package check
