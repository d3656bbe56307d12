// Package web is the dashboard: pages, scripts, styles and words, built in as they
// are. It knows the server by its public API alone.
package web

import "embed"

// Files are shell.html, a template that takes the base of all other files' addresses,
// and what it loads.
//
//go:embed shell.html app style words vendor
var Files embed.FS
