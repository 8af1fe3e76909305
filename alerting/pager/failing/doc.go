// Package failing raises an alert about whoever takes no pages: a receiver of the embedded Alertmanager, or an external
// Alertmanager. The alert is an ordinary one, which the others deliver; it ends when pages are taken again.
package failing
