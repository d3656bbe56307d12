// How the trays of filament units are counted and called.

/** A unit of one tray, which is counted as itself. */
export const single = (unit) => Number(unit.id) >= 128;

/** A tray's number among all: as printers count, four to a unit, and a unit of one tray as itself. */
export const flatTray = (unit, tray) => (single(unit) ? Number(unit.id) : Number(unit.id) * 4 + Number(tray.id));

const letter = (at) => String.fromCharCode(65 + (at % 26));

/** What people call a unit: A, or the number of one of a single tray. */
export const unitName = (unit) => (single(unit) ? String(Number(unit.id) - 127) : letter(Number(unit.id)));

/** What people call a tray by its number among all: A1, or HT-A. */
export const trayName = (flat) => (flat >= 128 ? `HT-${letter(flat - 128)}` : `${letter(flat >> 2)}${(flat & 3) + 1}`);

/** The trays of a printer, each with its number among all. */
export const traysOf = (p) => (p?.shadow?.ams || []).flatMap((unit) => (unit.trays || []).map((tray) => ({ ...tray, flat: flatTray(unit, tray) })));
