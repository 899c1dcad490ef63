// Package agent keeps a device on the program that its operator wants.
//
// An agent follows a channel of package fleet. In each round it
//
//  1. reads the document and verifies its signature, the name of the fleet and the serial number,
//  2. looks whether the device is in the stage and has not the program already,
//  3. refuses a version that is not above the highest that was accepted, and one that has failed,
//  4. fetches the program, or a smaller delta from the one that runs, and compares its checksum
//     and length with the document,
//  5. remembers the serial number, and deploys the program as package deploy does: self-test,
//     limit of latency, switch, tests in its place, and the way back,
//  6. reports.
//
// Nothing on the device changes before all checks of steps 1 to 4 have passed. The program that
// runs goes on whatever happens.
package agent
