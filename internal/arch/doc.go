// Package arch holds the tests that keep the picture of the house true: which
// room may import which, and who owns which outside library.
package arch
