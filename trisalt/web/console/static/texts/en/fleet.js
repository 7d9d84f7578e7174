/** English: fleet. */
export default {};
