// Package ablation measures what the constants of a source file are worth.
//
// Parse lists the constants of a file. Levels gives each a low and a high value,
// about half and double. Variant writes the file with other values, for a build with
// go build -overlay: constants stay constants of the program, and nothing gets
// slower. Screen is a Plackett-Burman design over all of them. Results keeps the
// runs, and Page is the document made of them.
//
// Sources: Plackett and Burman 1946, "The design of optimum multifactorial
// experiments"; Lin 1993, "A new class of supersaturated designs", for half of its
// rows; Lenth 1989, "Quick and easy analysis of unreplicated factorials", for the
// noise within a network.
package ablation
