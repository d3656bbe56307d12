// Package bambu speaks the dialect of Bambu Lab's printers: which models there
// are and what they can take, the commands they understand, and the reports in
// which they say, piece by piece, how they are.
//
// A command of a client is read with [ParseRequests], held against the printer's
// [Model] with [Check] and put into that model's words with [Translate]. A
// printer's reports are merged into a [State], from which [State.Shadow] reads
// clean units. Nothing here talks to a network.
//
// Protocol facts come from OpenBambuAPI, BambuStudio, ha-bambulab and captures
// of printers; each is named where it is used.
package bambu
