package access

import "github.com/grovecloud/grove"

// Authorize says whether actor may do action to r: nil, or the refusal. It looks
// nothing up. A printer of somebody else is NotFound, so that nobody learns which
// serials exist. Binding is the one act on a printer without an owner.
func (a *Access) Authorize(actor grove.Actor, action grove.Action, r grove.Resource) error {
	if nobody(actor) {
		return grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential, "please login: this needs an account")
	}
	switch actor.Kind {
	case grove.ActorSystem:
		return nil
	case grove.ActorUser:
		return userMay(actor, action, r)
	case grove.ActorCode:
		return codeMay(actor, action, r)
	case grove.ActorPrinter:
		return printerMay(actor, action, r)
	}
	return forbidden(action)
}

// nobody is true for an actor that names no one. A user 0 or an empty serial
// would otherwise match a printer without owner or a request without printer.
func nobody(actor grove.Actor) bool {
	switch actor.Kind {
	case grove.ActorSystem:
		return false
	case grove.ActorUser:
		return actor.UserID <= 0
	case grove.ActorCode, grove.ActorPrinter:
		return actor.Serial == ""
	}
	return true
}

func userMay(actor grove.Actor, action grove.Action, r grove.Resource) error {
	switch action {
	case grove.BindPrinter:
		if r.OwnerID == 0 || r.OwnerID == actor.UserID {
			return nil
		}
		return grove.NoPrinter(r.Serial)
	case grove.ReadPrinter, grove.ControlPrinter, grove.HeatPrinter, grove.StartPrint, grove.SendGcode:
		if r.OwnerID == actor.UserID {
			return nil
		}
		return grove.NoPrinter(r.Serial)
	case grove.ReportState:
		if r.OwnerID != actor.UserID {
			return grove.NoPrinter(r.Serial)
		}
	}
	return forbidden(action)
}

// codeMay allows what the holder of the access code can do on the printer's own
// network anyway, which includes raw G-code.
func codeMay(actor grove.Actor, action grove.Action, r grove.Resource) error {
	if r.Serial != actor.Serial {
		return grove.NoPrinter(r.Serial)
	}
	switch action {
	case grove.ReadPrinter, grove.ControlPrinter, grove.HeatPrinter, grove.StartPrint, grove.SendGcode:
		return nil
	case grove.BindPrinter, grove.ReportState:
	}
	return forbidden(action)
}

func printerMay(actor grove.Actor, action grove.Action, r grove.Resource) error {
	if r.Serial != actor.Serial {
		return grove.NoPrinter(r.Serial)
	}
	if action == grove.ReportState {
		return nil
	}
	return forbidden(action)
}

func forbidden(action grove.Action) error {
	return grove.Errorf(grove.Forbidden, "not_allowed", "this credential does not allow %s", action)
}
