package bambu

// A shape says where in a report a value stands, as far as merging cares.
type shape uint8

const (
	otherShape  shape = iota
	reportShape       // print
	amsShape          // print.ams
	unitsShape        // print.ams.ams
	unitShape         // print.ams.ams[]
	traysShape        // print.ams.ams[].tray
	trayShape         // print.ams.ams[].tray[]
	deviceShape       // print.device
	toolShape         // print.device.extruder and nozzle
	listShape         // other lists that are merged by id
)

// member is the shape of an object's member.
func (sh shape) member(name string) shape {
	switch sh {
	case reportShape:
		switch name {
		case "ams":
			return amsShape
		case "device":
			return deviceShape
		case "vir_slot":
			return listShape
		}
	case amsShape:
		if name == "ams" {
			return unitsShape
		}
	case unitShape:
		if name == "tray" {
			return traysShape
		}
	case deviceShape:
		if name == "extruder" || name == "nozzle" {
			return toolShape
		}
	case toolShape:
		if name == "info" {
			return listShape
		}
	case otherShape, unitsShape, traysShape, trayShape, listShape:
	}
	return otherShape
}

// byID reports whether the shape's arrays are merged by the ids of their elements.
func (sh shape) byID() bool {
	return sh == unitsShape || sh == traysShape || sh == listShape
}

// element is the shape of an array's elements.
func (sh shape) element() shape {
	switch sh {
	case unitsShape:
		return unitShape
	case traysShape:
		return trayShape
	case otherShape, reportShape, amsShape, unitShape, trayShape, deviceShape, toolShape, listShape:
	}
	return otherShape
}
