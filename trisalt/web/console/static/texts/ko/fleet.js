/** Korean: fleet. */
export default {};
