package cli

import (
	"fmt"
	"strconv"

	"edgec/runtime/preprocess"
)

// timedLayer is a layer of a measurement, as device programs print it.
type timedLayer struct {
	Op     string  `json:"op"`
	Shape  []int   `json:"shape"`
	Kernel string  `json:"kernel"`
	MACs   int64   `json:"macs"`
	Micros float64 `json:"us"`
}

// benchTable prints a measurement for people: the fields of the one process, or a line for
// each of several.
func (a *app) benchTable(document fields, processes []fields) error {
	if len(processes) == 1 {
		document = append(document.without("median_us"), processes[0].without("layers", "warnings")...)
	}
	var rows []string
	for _, f := range document {
		rows = append(rows, f.row())
	}
	for i, p := range processes {
		var warnings []string
		p.get("warnings", &warnings)
		for _, text := range warnings {
			if len(processes) > 1 {
				text = fmt.Sprintf("process %d: %s", i+1, text)
			}
			rows = append(rows, "warning\t"+text)
		}
	}
	if err := a.table(rows); err != nil {
		return err
	}
	if len(processes) > 1 {
		if err := a.processTable(processes); err != nil {
			return err
		}
	}
	if layers := shortest(processes); layers != nil {
		return a.layerTable(layers)
	}
	return nil
}

// shortest returns the layers with the shortest time of any process; nil: none has them.
func shortest(processes []fields) (all []timedLayer) {
	for _, p := range processes {
		var layers []timedLayer
		if !p.get("layers", &layers) {
			return nil
		}
		for i, l := range layers {
			if i == len(all) {
				all = append(all, l)
			}
			all[i].Micros = min(all[i].Micros, l.Micros)
		}
	}
	return all
}

// processTable has a line for each process.
func (a *app) processTable(processes []fields) error {
	fmt.Fprintln(a.stdout)
	rows := []string{"PROCESS\tRUNS\tMIN us\tMEDIAN us\tMEAN us\tMAX us\tCLOCK MHz\tTEMPERATURE °C"}
	for i, p := range processes {
		row := strconv.Itoa(i + 1)
		for _, name := range []string{"runs", "min_us", "median_us", "mean_us", "max_us", "clock_after_mhz", "temperature_after_c"} {
			text := ""
			if v := p.number(name); v > 0 {
				text = strconv.FormatFloat(v, 'f', -1, 64)
			}
			row += "\t" + text
		}
		rows = append(rows, row)
	}
	return a.tableWithout(rows, 7, 6, 5, 4)
}

// layerTable has a line for each layer: its share of the time, and multiplications a
// nanosecond.
func (a *app) layerTable(layers []timedLayer) error {
	sum := 1e-9
	for _, l := range layers {
		sum += l.Micros
	}
	fmt.Fprintln(a.stdout)
	rows := []string{"LAYER\tOPERATOR\tOUTPUT\tus\t%\tMACs\tGMAC/s\tKERNEL"}
	for i, l := range layers {
		macs, speed := "", ""
		if l.MACs > 0 {
			macs, speed = thousands(int(l.MACs)), fmt.Sprintf("%.1f", float64(l.MACs)/max(l.Micros, 1e-3)/1000)
		}
		rows = append(rows, fmt.Sprintf("%d\t%s\t%s\t%.1f\t%.1f\t%s\t%s\t%s", i, l.Op, preprocess.Dims(l.Shape), l.Micros, 100*l.Micros/sum, macs, speed, l.Kernel))
	}
	return a.tableWithout(rows, 2, 5)
}
