// Package cloudapi is the wire of the Cloud API: the shapes, codes and places that
// a server and its clients share. It decides nothing and talks to nobody.
//
// Shapes follow what the vendor's cloud was seen to answer and what its known
// clients read (OpenBambuAPI, ha-bambulab, the slicer's sources and several
// client libraries), joined with the documented {code, message, data} form: a
// value that clients read at the top level stays there, and rides along in data
// where the documentation puts it. Integers and strings are exactly as typed
// clients need them.
package cloudapi
