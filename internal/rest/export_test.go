package rest

// For tests outside of the package.
const MaxBody = maxBody

var Straighten = straighten
