// Package grove holds the words of a printing cloud: users, printers, what a
// printer says of itself, commands, jobs, files, events and webhooks. It knows
// no database, no network and no other package of this module; every other
// package speaks in these words.
//
// JSON tags here are the shapes that Grove's own API, the SDK and webhooks show.
package grove
